/** One local-up at a time: a second one waits for the first to end. A lock left by a process that is gone is taken over. */
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../apimachinery/clock.ts';
import { identifyProcess, isRunning, type ProcessIdentity } from '../component/process-identity.ts';

const patienceMs = 180_000;

export async function withLock<T>(home: string, work: () => Promise<T>): Promise<T> {
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const path = join(home, 'local-up.lock');
  const own = `${path}.${process.pid}`;
  writeFileSync(own, JSON.stringify(identifyProcess(process.pid)), { mode: 0o600 });
  try {
    const since = systemClock.now();
    for (let told = false; !tryTake(own, path); told = true) {
      const holder = readHolder(path);
      if (holder !== undefined && !isRunning(holder)) {
        rmSync(path, { force: true });
        continue;
      }
      if (!told) process.stderr.write(`another local-up (process ${holder?.pid ?? '?'}) is at work, waiting for it\n`);
      if (systemClock.now() - since > patienceMs)
        throw new Error(`gave up waiting for process ${holder?.pid}, which holds ${path}`);
      await systemClock.sleep(200);
    }
    try {
      return await work();
    } finally {
      rmSync(path, { force: true });
    }
  } finally {
    rmSync(own, { force: true });
  }
}

/** A hard link is made whole or not at all. */
function tryTake(own: string, path: string): boolean {
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function readHolder(path: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}
