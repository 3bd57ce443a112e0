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
import type { Mount } from './command-line.ts';
import type { PodFacts } from './pod-facts.ts';
import type { Content } from './references.ts';
import type { ReadablePod } from './runtime.ts';
import { type Volume, type VolumeContents, VolumeError } from './volume-contents.ts';

type Container = NonNullable<ReadablePod['spec']>['containers'][number];

export interface VolumeManager {
  /** Brings all volumes up to date, writing only what changed. Throws VolumeError and ConfigError. Returns folder by volume name. */
  setUp(pod: ReadablePod, podDirectory: string, facts: PodFacts): Promise<Map<string, string>>;
}

/** `home`: hostPath volumes must lie under this folder. */
export function createVolumeManager(home: string, contents: VolumeContents): VolumeManager {
  async function setUpOne(pod: ReadablePod, volume: Volume, directory: string, facts: PodFacts): Promise<string> {
    if (volume.hostPath !== undefined) return hostPath(volume, home);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    if (volume.emptyDir !== undefined) return directory;
    const files = await contents.read(pod, volume, facts);
    if (files === undefined) throw new VolumeError(volume.name, 'the process runtime has no volumes of this type');
    fill(directory, files, volume.name);
    return directory;
  }

  return {
    async setUp(pod, podDirectory, facts) {
      const directories = new Map<string, string>();
      for (const volume of pod.spec?.volumes ?? [])
        directories.set(volume.name, await setUpOne(pod, volume, join(podDirectory, 'volumes', volume.name), facts));
      return directories;
    },
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
