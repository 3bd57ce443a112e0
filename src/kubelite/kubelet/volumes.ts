/** Volumes of process pods: folders under the pod's own, filled from the API server and kept up to date. Files are 0600. */
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { Clock } from '../../apimachinery/clock.ts';
import { resourcePath } from '../../apimachinery/group-version.ts';
import type { Client } from '../../client/client.ts';
import { serviceAccounts } from '../../kubernetes/resource-types.ts';
import { fieldValue, type Mount } from './command-line.ts';
import type { Content, ReferenceReader } from './references.ts';
import type { ReadablePod } from './runtime.ts';

type Volume = NonNullable<NonNullable<ReadablePod['spec']>['volumes']>[number];
type Container = NonNullable<ReadablePod['spec']>['containers'][number];
type Items = readonly { readonly key: string; readonly path: string }[] | undefined;

/** A volume cannot be set up (yet): `MountVolume.SetUp failed for volume "x" : why`. */
export class VolumeError extends Error {
  override readonly name = 'VolumeError';
  constructor(volume: string, why: string) {
    super(`MountVolume.SetUp failed for volume "${volume}" : ${why}`);
  }
}

export interface VolumeOptions {
  /** hostPath volumes must lie under this folder. */
  home: string;
  client: Client;
  references: ReferenceReader;
  clock: Clock;
}

export interface VolumeManager {
  /** Brings all volumes up to date, writing only what changed. Throws VolumeError. Returns folder by volume name. */
  setUp(
    pod: ReadablePod,
    podDirectory: string,
    addresses: { podIP: string; hostIP: string },
  ): Promise<Map<string, string>>;
  forget(uid: string): void;
}

export function createVolumeManager(options: VolumeOptions): VolumeManager {
  const { references, client, clock } = options;
  /** Tokens by pod uid, audience and lifetime. */
  const tokens = new Map<string, Map<string, { token: Buffer; renewAt: number }>>();

  async function token(pod: ReadablePod, audience: string | undefined, expirationSeconds: number): Promise<Buffer> {
    const uid = pod.metadata.uid ?? '';
    const ofPod = tokens.get(uid) ?? new Map<string, { token: Buffer; renewAt: number }>();
    tokens.set(uid, ofPod);
    const key = `${audience ?? ''} ${expirationSeconds}`;
    const known = ofPod.get(key);
    if (known !== undefined && known.renewAt > clock.now()) return known.token;
    const ref = { namespace: pod.metadata.namespace, name: pod.spec?.serviceAccountName ?? 'default' };
    const answer = await client.request<{ status: { token: string } }>(
      'POST',
      resourcePath(serviceAccounts, ref, 'token'),
      {
        body: {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenRequest',
          spec: {
            expirationSeconds,
            ...(audience === undefined ? {} : { audiences: [audience] }),
            boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: pod.metadata.name, uid },
          },
        },
      },
    );
    const fresh = { token: Buffer.from(answer.status.token), renewAt: clock.now() + expirationSeconds * 800 };
    ofPod.set(key, fresh);
    return fresh.token;
  }

  async function projected(
    pod: ReadablePod,
    volume: Volume,
    addresses: { podIP: string; hostIP: string },
  ): Promise<Content> {
    const files = new Map<string, Buffer>();
    for (const source of volume.projected?.sources ?? []) {
      if (source.configMap !== undefined)
        merge(
          files,
          await referenced(
            pod,
            volume,
            'configmap',
            source.configMap.name,
            source.configMap.items,
            source.configMap.optional,
          ),
        );
      if (source.secret !== undefined)
        merge(
          files,
          await referenced(pod, volume, 'secret', source.secret.name, source.secret.items, source.secret.optional),
        );
      for (const item of source.downwardAPI?.items ?? [])
        files.set(item.path, Buffer.from(fieldValue(pod, item.fieldRef?.fieldPath ?? '', addresses)));
      if (source.serviceAccountToken !== undefined) {
        const { path, audience, expirationSeconds } = source.serviceAccountToken;
        files.set(path, await token(pod, audience, expirationSeconds ?? 3600));
      }
    }
    return files;
  }

  async function referenced(
    pod: ReadablePod,
    volume: Volume,
    kind: 'configmap' | 'secret',
    name: string | undefined,
    items: Items,
    optional: boolean | undefined,
  ): Promise<Content> {
    const namespace = pod.metadata.namespace ?? '';
    const content = await (kind === 'secret'
      ? references.secret(namespace, name ?? '')
      : references.configMap(namespace, name ?? ''));
    if (content === undefined) {
      if (optional === true) return new Map();
      throw new VolumeError(volume.name, `${kind} "${name}" not found`);
    }
    if (items === undefined || items.length === 0) return content;
    const chosen = new Map<string, Buffer>();
    for (const { key, path } of items) {
      const value = content.get(key);
      if (value !== undefined) chosen.set(path, value);
      else if (optional !== true) throw new VolumeError(volume.name, `references non-existent ${kind} key: ${key}`);
    }
    return chosen;
  }

  async function setUpOne(
    pod: ReadablePod,
    volume: Volume,
    directory: string,
    addresses: { podIP: string; hostIP: string },
  ): Promise<string> {
    if (volume.hostPath !== undefined) return hostPath(volume, options.home);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    if (volume.emptyDir !== undefined) return directory;
    let files: Content;
    if (volume.secret !== undefined)
      files = await referenced(
        pod,
        volume,
        'secret',
        volume.secret.secretName,
        volume.secret.items,
        volume.secret.optional,
      );
    else if (volume.configMap !== undefined)
      files = await referenced(
        pod,
        volume,
        'configmap',
        volume.configMap.name,
        volume.configMap.items,
        volume.configMap.optional,
      );
    else if (volume.projected !== undefined) files = await projected(pod, volume, addresses);
    else if (volume.downwardAPI !== undefined) {
      files = new Map(
        (volume.downwardAPI.items ?? []).map((item) => [
          item.path,
          Buffer.from(fieldValue(pod, item.fieldRef?.fieldPath ?? '', addresses)),
        ]),
      );
    } else throw new VolumeError(volume.name, 'the process runtime has no volumes of this type');
    fill(directory, files, volume.name);
    return directory;
  }

  return {
    async setUp(pod, podDirectory, addresses) {
      const directories = new Map<string, string>();
      for (const volume of pod.spec?.volumes ?? [])
        directories.set(
          volume.name,
          await setUpOne(pod, volume, join(podDirectory, 'volumes', volume.name), addresses),
        );
      return directories;
    },
    forget: (uid) => void tokens.delete(uid),
  };
}

/** Where the paths of a container's volumeMounts really are. */
export function containerMounts(container: Container, directories: ReadonlyMap<string, string>): Mount[] {
  return (container.volumeMounts ?? []).map((mount) => {
    const directory = directories.get(mount.name);
    if (directory === undefined) throw new VolumeError(mount.name, 'no such volume');
    const subPath = mount.subPath ?? '';
    if (subPath !== '' && !isInside(subPath))
      throw new VolumeError(mount.name, `subPath ${JSON.stringify(subPath)} leaves the volume`);
    return { mountPath: mount.mountPath, directory: join(directory, subPath).replace(/\/$/, '') };
  });
}

function merge(into: Map<string, Buffer>, from: Content): void {
  for (const [path, content] of from) into.set(path, content);
}

const isInside = (path: string): boolean => !isAbsolute(path) && !path.split('/').includes('..');

/** Makes a folder hold exactly these files; a file is replaced in one step, so that no reader sees half of it. */
function fill(directory: string, files: Content, volume: string): void {
  const wanted = new Set<string>();
  for (const [path, content] of files) {
    if (!isInside(path)) throw new VolumeError(volume, `path ${JSON.stringify(path)} leaves the volume`);
    const file = join(directory, path);
    wanted.add(file);
    if (sameContent(file, content)) continue;
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(`${file}.new`, content, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    if (entry.isFile() && !wanted.has(file)) rmSync(file);
  }
}

function sameContent(file: string, content: Buffer): boolean {
  try {
    return readFileSync(file).equals(content);
  } catch {
    return false;
  }
}

/** The folder itself, after checking that it lies in the home, symbolic links resolved. */
function hostPath(volume: Volume, home: string): string {
  const wanted = resolve(volume.hostPath?.path ?? '');
  const type = volume.hostPath?.type ?? '';
  const refuse = (why: string): never => {
    throw new VolumeError(volume.name, `hostPath ${wanted} ${why}`);
  };
  const root = realpathSync(home);
  if (!within(resolve(home), wanted) && !within(root, wanted)) refuse(`is not under ${home}`);
  if (type === '' || type === 'DirectoryOrCreate') mkdirSync(wanted, { recursive: true, mode: 0o700 });
  if (type === 'FileOrCreate') writeFileSync(wanted, '', { flag: 'a', mode: 0o600 });
  const stat = statSync(wanted, { throwIfNoEntry: false });
  if (stat === undefined) return refuse('does not exist');
  if ((type === 'Directory' || type === 'DirectoryOrCreate') && !stat.isDirectory()) refuse('is not a directory');
  if ((type === 'File' || type === 'FileOrCreate') && !stat.isFile()) refuse('is not a file');
  const real = realpathSync(wanted);
  return within(root, real) ? real : refuse(`is not under ${home}`);
}

function within(root: string, path: string): boolean {
  const way = relative(root, path);
  return way === '' || (!way.startsWith(`..${sep}`) && way !== '..' && !isAbsolute(way));
}
