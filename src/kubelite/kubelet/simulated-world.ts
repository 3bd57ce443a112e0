/** What a command in a simulated container sees: environment, name, the files of its volumes and those that commands wrote. */
import type { Clock } from '../../apimachinery/clock.ts';
import { containerEnvironment } from './environment.ts';
import type { PodFacts } from './pod-facts.ts';
import type { Content, ReferenceReader } from './references.ts';
import type { ReadablePod } from './runtime.ts';
import { type ServicesOf, serviceVariables } from './service-variables.ts';
import { createShellFiles, type Layer, type WrittenFiles } from './streaming/simulated-files.ts';
import type { ShellWorld } from './streaming/simulated-shell.ts';
import type { VolumeContents } from './volume-contents.ts';

export interface WorldSources {
  references: ReferenceReader;
  volumes: VolumeContents;
  clock: Clock;
  servicesOf: ServicesOf;
}

type Container = NonNullable<ReadablePod['spec']>['containers'][number];

/** All that commands wrote in a pod: by container and run, and by emptyDir volume. */
export type PodFiles = Map<string, WrittenFiles>;

/** What commands of one pod may write altogether. */
const maxWrittenBytes = 16 * 1024 * 1024;
const maxWrittenFiles = 4096;

/** `run`: of the container, whose own files are gone when it is restarted. Throws MissingReference, ConfigError and VolumeError. */
export async function simulatedWorld(
  pod: ReadablePod,
  container: Container,
  run: number,
  written: PodFiles,
  facts: PodFacts & { startedAt: number },
  { references, volumes, clock, servicesOf }: WorldSources,
): Promise<ShellWorld> {
  const hostname = pod.spec?.hostname ?? pod.metadata.name ?? '';
  const own = new Map([
    ['PATH', '/usr/local/bin:/usr/bin:/bin'],
    ['HOSTNAME', hostname],
    ['HOME', '/root'],
  ]);
  const given = await containerEnvironment(pod, container, facts, references);
  const filesOf = (key: string): WrittenFiles => {
    const files = written.get(key) ?? new Map<string, Buffer>();
    written.set(key, files);
    return files;
  };
  for (const key of written.keys())
    if (key.startsWith(`${container.name}/`) && key !== `${container.name}/${run}`) written.delete(key);
  const readOnly = container.securityContext?.readOnlyRootFilesystem === true;
  const root: Layer = {
    root: '/',
    subPath: '',
    base: rootFiles(pod, hostname, facts),
    ...(readOnly ? {} : { written: filesOf(`${container.name}/${run}`) }),
  };
  const layers = [root];
  for (const mount of container.volumeMounts ?? []) {
    const volume = pod.spec?.volumes?.find(({ name }) => name === mount.name);
    if (volume === undefined) continue;
    layers.push({
      root: mount.mountPath.replace(/\/+$/, '') || '/',
      subPath: mount.subPath ?? '',
      base: (await volumes.read(pod, volume, facts)) ?? new Map(),
      ...(volume.emptyDir === undefined || mount.readOnly === true ? {} : { written: filesOf(volume.name) }),
    });
  }
  const room = (): number => {
    const all = [...written.values()].flatMap((files) => [...files.values()]);
    return all.length >= maxWrittenFiles ? 0 : maxWrittenBytes - all.reduce((sum, { length }) => sum + length, 0);
  };
  return {
    environment: new Map([...own, ...serviceVariables(pod, facts.startedAt, servicesOf), ...given]),
    hostname,
    files: createShellFiles(layers, room),
    clock,
  };
}

export function rootFiles(pod: ReadablePod, hostname: string, { podIP }: PodFacts): Content {
  const search = `${pod.metadata.namespace}.svc.cluster.local svc.cluster.local cluster.local`;
  return new Map([
    ['etc/hostname', Buffer.from(`${hostname}\n`)],
    ['etc/hosts', Buffer.from(`127.0.0.1\tlocalhost\n${podIP}\t${hostname}\n`)],
    ['etc/resolv.conf', Buffer.from(`search ${search}\noptions ndots:5\n`)],
  ]);
}
