/** Changes kubeconfig files: under kubectl's lock, atomically, mode 0600, and without touching what belongs to others. */
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { stringify } from 'yaml';
import { type Clock, systemClock } from '../../apimachinery/clock.ts';
import {
  type Kubeconfig,
  type NamedCluster,
  type NamedContext,
  type NamedUser,
  parseKubeconfig,
} from './kubeconfig.ts';
import { parseYaml } from './load.ts';

export interface KubeconfigEntries {
  clusters?: readonly NamedCluster[];
  users?: readonly NamedUser[];
  contexts?: readonly NamedContext[];
  /** Set only when given. */
  currentContext?: string;
}

export interface EntryNames {
  clusters?: readonly string[];
  users?: readonly string[];
  contexts?: readonly string[];
}

/** Adds the entries, or replaces those of the same names. */
export function mergeIntoKubeconfig(file: string, entries: KubeconfigEntries, clock?: Clock): Promise<void> {
  return updateKubeconfig(
    file,
    (config) => {
      const put = <E extends { name: string }>(list: E[], added: readonly E[] = []): void => {
        for (const entry of added) {
          const at = list.findIndex(({ name }) => name === entry.name);
          if (at < 0) list.push(entry);
          else list[at] = entry;
        }
      };
      put(config.clusters, entries.clusters);
      put(config.users, entries.users);
      put(config.contexts, entries.contexts);
      if (entries.currentContext !== undefined) config['current-context'] = entries.currentContext;
    },
    clock,
  );
}

/** Removes the named entries; a current context that is removed becomes empty. Does nothing when the file is absent. */
export async function removeFromKubeconfig(file: string, names: EntryNames, clock?: Clock): Promise<void> {
  if (statSync(file, { throwIfNoEntry: false }) === undefined) return;
  await updateKubeconfig(
    file,
    (config) => {
      const without = <E extends { name: string }>(list: E[], removed: readonly string[] = []): E[] =>
        list.filter(({ name }) => !removed.includes(name));
      config.clusters = without(config.clusters, names.clusters);
      config.users = without(config.users, names.users);
      config.contexts = without(config.contexts, names.contexts);
      if (names.contexts?.includes(config['current-context'])) config['current-context'] = '';
    },
    clock,
  );
}

/**
 * Reads the file (an absent one is empty), lets `change` work on it and writes it back when it differs. A file that cannot be
 * parsed is left as it is: the error names it.
 */
export async function updateKubeconfig(
  file: string,
  change: (config: Kubeconfig) => void,
  clock: Clock = systemClock,
): Promise<void> {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const target = statSync(file, { throwIfNoEntry: false }) === undefined ? file : realpathSync(file);
  const unlock = await lock(target, clock);
  try {
    const text = statSync(target, { throwIfNoEntry: false }) === undefined ? '' : readFileSync(target, 'utf8');
    const config = parseKubeconfig(parseYaml(text, file), file);
    change(config);
    const written = stringify(config, { indentSeq: false, lineWidth: 0 });
    if (written !== text) writeAtomically(target, written);
  } finally {
    unlock();
  }
}

/** Readers see the old file or the new one, also after a crash. */
export function writeAtomically(file: string, text: string): void {
  const temporary = join(dirname(file), `.${basename(file)}.${process.pid}.new`);
  try {
    const handle = openSync(temporary, 'w', 0o600);
    try {
      writeSync(handle, text);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

const lockPollMs = 50;
const lockWaitMs = 10_000;
/** kubectl holds its lock for milliseconds: an older one was left by a process that was killed. */
const staleLockMs = 5_000;

/** `<file>.lock`, created exclusively: the same lock that kubectl takes. */
async function lock(file: string, clock: Clock): Promise<() => void> {
  const name = `${file}.lock`;
  const deadline = clock.now() + lockWaitMs;
  for (;;) {
    try {
      closeSync(openSync(name, 'wx', 0o600));
      return () => rmSync(name, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const held = statSync(name, { throwIfNoEntry: false });
    if (held !== undefined && Date.now() - held.mtimeMs > staleLockMs) rmSync(name, { force: true });
    else if (clock.now() > deadline)
      throw new Error(`${name} is held by another process; remove it if none is running`);
    else await clock.sleep(lockPollMs);
  }
}
