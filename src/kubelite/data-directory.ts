import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeAtomically } from '../client/kubeconfig/write.ts';

/** Not with `recursive`: where nothing can be made, as in /proc, that never comes back. */
export function makeDataDirectory(path: string): void {
  try {
    makeFolder(path);
  } catch (cause) {
    throw new Error(`cannot make the data directory ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** Under another name its nodes would count as lost, and their pods go. To be called by the one that holds the store. */
export function claimDataDirectory(path: string, name: string): void {
  const file = join(path, 'name');
  const held = existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  if (held === name) return;
  if (held !== undefined)
    throw new Error(`${path} is the data directory of the cluster ${held}: use --name=${held}, or another directory`);
  writeAtomically(file, name);
}

function makeFolder(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
  if (!existsSync(dirname(path))) makeFolder(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}
