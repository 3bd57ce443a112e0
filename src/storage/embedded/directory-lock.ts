/**
 * One owner a directory. The lock is in the kernel (component/kernel-lock.ts), named after the directory's device and inode:
 * it ends with its process, so there is no stale lock, and no pid to believe. owner.json only tells a human who it is.
 */
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { takeKernelLock } from '../../component/kernel-lock.ts';

export interface DirectoryLock {
  release(): Promise<void>;
}

export class DirectoryInUseError extends Error {
  constructor(path: string) {
    super(`${path} is in use by ${ownerText(path)}; stop it first, or choose another directory`);
    this.name = 'DirectoryInUseError';
  }
}

/** Throws DirectoryInUseError, naming the owner, when the directory is held by this or another process. */
export async function acquireDirectoryLock(path: string): Promise<DirectoryLock> {
  if (process.platform !== 'linux')
    throw new Error(`${path} cannot be locked: stores on disk are supported on Linux only`);
  const { dev, ino } = statSync(path, { bigint: true });
  const release = await takeKernelLock(`store:${dev}:${ino}`);
  if (release === undefined) throw new DirectoryInUseError(path);
  const ownerFile = join(path, 'owner.json');
  writeFileSync(ownerFile, `${JSON.stringify({ pid: process.pid, started: startTime() })}\n`, { mode: 0o600 });
  return {
    async release() {
      rmSync(ownerFile, { force: true });
      await release();
    },
  };
}

function ownerText(path: string): string {
  try {
    const { pid, started } = JSON.parse(readFileSync(join(path, 'owner.json'), 'utf8')) as {
      pid: number;
      started: string;
    };
    return pid === process.pid ? `this process (pid ${pid})` : `process ${pid}, started ${started}`;
  } catch {
    return 'another process';
  }
}

const startTime = (): string => new Date(Date.now() - process.uptime() * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
