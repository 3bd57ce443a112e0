/**
 * One local-up or local-down at a time: a second one waits for the first to end. The lock is a name in the kernel
 * (component/kernel-lock.ts), so whoever is gone has given it up, and of any number that wait exactly one gets it next.
 * The file local-up.lock only tells a human, and those who wait, who is at work.
 */
import { mkdirSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Clock, systemClock } from '../apimachinery/clock.ts';
import { takeKernelLock } from '../component/kernel-lock.ts';

const patienceMs = 180_000;

/** Throws when the lock is not to be had within 3 minutes. */
export async function withLock<T>(home: string, work: () => Promise<T>, clock: Clock = systemClock): Promise<T> {
  makeFolder(home);
  // By path, not by inode: local-down may remove the folder while others wait for it.
  const name = `karmada-local-up:${process.getuid?.()}:${realpathSync(home)}`;
  const path = join(home, 'local-up.lock');
  const since = clock.now();
  for (let told = false; ; told = true) {
    const release = await takeKernelLock(name);
    if (release !== undefined) {
      try {
        makeFolder(home);
        writeFileSync(path, JSON.stringify({ pid: process.pid }), { mode: 0o600 });
        return await work();
      } finally {
        rmSync(path, { force: true });
        await release();
      }
    }
    const holder = `local-up or local-down (process ${readHolder(path)})`;
    if (!told) process.stderr.write(`another ${holder} is at work, waiting for it\n`);
    if (clock.now() - since > patienceMs) {
      throw new Error(`gave up waiting for another ${holder} that works on ${home}; end it, then try again`);
    }
    await clock.sleep(200);
  }
}

function makeFolder(home: string): void {
  try {
    makeFolders(home);
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === 'EEXIST' ? 'it is not a folder' : (error as Error).message;
    throw new Error(`${home} cannot be used: ${why}; set KARMADA_HOME to a folder that you may write to`, {
      cause: error,
    });
  }
}

/** Not by mkdirSync's `recursive`, which never returns where a file system says ENOENT to every new name, as /proc does. */
function makeFolders(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
  if (dirname(path) !== path) makeFolders(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    // Somebody else has just made it.
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) throw error;
  }
}

function readHolder(path: string): string {
  try {
    return String(JSON.parse(readFileSync(path, 'utf8')).pid);
  } catch {
    return 'unknown';
  }
}
