import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** Not with `recursive`: where nothing can be made, as in /proc, that never comes back. */
export function makeDataDirectory(path: string): void {
  try {
    makeFolder(path);
  } catch (cause) {
    throw new Error(`cannot make the data directory ${path}: ${(cause as Error).message}`, { cause });
  }
}

function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
  if (!existsSync(dirname(path))) makeFolder(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}
