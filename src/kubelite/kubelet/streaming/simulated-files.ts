/**
 * The files that a command in a simulated container sees: layers, of which the one with the longest root counts for a path. What
 * commands write (kubectl cp) is kept in memory, within a limit, as long as the container or its emptyDir volume.
 */
import type { Content } from '../references.ts';

export type WrittenFiles = Map<string, Buffer>;

export interface Layer {
  /** Where it is mounted; `/` is the container's own. */
  root: string;
  /** The part of the volume that is mounted; empty: all of it. */
  subPath: string;
  base: Content;
  /** Absent: the layer is read-only. Folders have a name that ends in a slash. */
  written?: WrittenFiles;
}

export interface ShellFiles {
  read(path: string): Buffer | undefined;
  isFolder(path: string): boolean;
  /** Paths of all files below a folder. */
  below(folder: string): string[];
  /** Names in a folder. */
  names(folder: string): string[];
  /** These throw FileError. */
  write(path: string, content: Buffer): void;
  makeFolder(path: string): void;
  /** A folder goes with all that is in it. */
  remove(path: string): void;
}

/** `message` is the system's: `Read-only file system`. */
export class FileError extends Error {
  override readonly name = 'FileError';
}

/** `./a/../b` in `/` is `/b`. */
export function absolutePath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return `/${parts.join('/')}`;
}

/** `room`: bytes that may still be written; paths are absolute. */
export function createShellFiles(layers: readonly Layer[], room: () => number): ShellFiles {
  const ordered = [...layers].sort((a, b) => b.root.length - a.root.length);
  const layerOf = (path: string): Layer => {
    const found = ordered.find(({ root }) => root === '/' || path === root || path.startsWith(`${root}/`));
    if (found === undefined) throw new Error('there is no layer at /');
    return found;
  };
  const keyOf = ({ root, subPath }: Layer, path: string): string => {
    const rest = root === '/' ? path.slice(1) : path.slice(root.length + 1);
    return [subPath, rest].filter((part) => part !== '').join('/');
  };
  /** Files, and folders with a slash at the end, whatever layer they come from. */
  const all = function* (): Generator<string> {
    for (const layer of ordered) {
      const { root, subPath, base, written } = layer;
      if (!base.has(subPath) || subPath === '') yield root === '/' ? '/tmp/' : `${root}/`;
      for (const key of [...base.keys(), ...(written?.keys() ?? [])]) {
        if (subPath !== '' && key !== subPath && !key.startsWith(`${subPath}/`)) continue;
        const rest = subPath === '' ? key : key.slice(subPath.length + 1);
        const path = rest === '' ? root : `${root === '/' ? '' : root}/${rest}`;
        // What another layer is mounted over is not seen.
        if (layerOf(path) === layer) yield path;
      }
    }
  };
  const writable = (path: string): { written: WrittenFiles; key: string } => {
    const layer = layerOf(path);
    if (layer.written === undefined) throw new FileError('Read-only file system');
    return { written: layer.written, key: keyOf(layer, path) };
  };
  const files: ShellFiles = {
    read(path) {
      const layer = layerOf(path);
      const key = keyOf(layer, path);
      return layer.written?.get(key) ?? layer.base.get(key);
    },
    isFolder: (path) => path === '/' || [...all()].some((known) => known.startsWith(`${path}/`)),
    below(folder) {
      const prefix = folder === '/' ? '/' : `${folder}/`;
      return [...new Set(all())].filter((path) => path.startsWith(prefix) && !path.endsWith('/')).sort();
    },
    names(folder) {
      const prefix = folder === '/' ? '/' : `${folder}/`;
      const inside = [...all()].filter((path) => path.startsWith(prefix) && path !== prefix);
      return [...new Set(inside.map((path) => path.slice(prefix.length).split('/')[0] ?? ''))].sort();
    },
    write(path, content) {
      const { written, key } = writable(path);
      if (files.isFolder(path)) throw new FileError('Is a directory');
      if (!files.isFolder(path.slice(0, path.lastIndexOf('/')) || '/'))
        throw new FileError('No such file or directory');
      if (content.length - (written.get(key)?.length ?? 0) > room()) throw new FileError('No space left on device');
      written.set(key, Buffer.from(content));
    },
    makeFolder(path) {
      if (files.isFolder(path)) return;
      const { written, key } = writable(path);
      if (files.read(path) !== undefined) throw new FileError('File exists');
      if (room() <= 0) throw new FileError('No space left on device');
      written.set(`${key}/`, Buffer.alloc(0));
    },
    remove(path) {
      const { written, key } = writable(path);
      let found = written.delete(key);
      for (const inside of written.keys()) if (inside.startsWith(`${key}/`)) found = written.delete(inside);
      if (found) return;
      const there = files.read(path) !== undefined || files.isFolder(path);
      throw new FileError(there ? 'Read-only file system' : 'No such file or directory');
    },
  };
  return files;
}
