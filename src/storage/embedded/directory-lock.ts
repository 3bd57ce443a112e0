/**
 * One owner a directory. The lock is a listening socket in Linux's abstract namespace, named after the directory's device
 * and inode: the kernel gives a name to one process only and takes it back the moment that process is gone, however it
 * ended. So there is no stale lock, and no pid to believe. owner.json only tells a human who it is.
 */
import { createHash } from 'node:crypto';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

export interface DirectoryLock {
  release(): Promise<void>;
}

/** Throws, naming the owner, when the directory is held by this or another process. */
export async function acquireDirectoryLock(path: string): Promise<DirectoryLock> {
  if (process.platform !== 'linux')
    throw new Error(`${path} cannot be locked: stores on disk are supported on Linux only`);
  const { dev, ino } = statSync(path, { bigint: true });
  const digest = createHash('sha256').update(`${dev}:${ino}`).digest('hex');
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new Error(`${path} is in use by ${ownerText(path)}; stop it first, or choose another directory`)
          : new Error(`${path} cannot be locked: ${error.message}`, { cause: error }),
      );
    });
    server.listen(`\0karmada-store-${digest}`, resolve);
  });
  server.unref();
  const ownerFile = join(path, 'owner.json');
  writeFileSync(ownerFile, `${JSON.stringify({ pid: process.pid, started: startTime() })}\n`, { mode: 0o600 });
  return {
    async release() {
      rmSync(ownerFile, { force: true });
      await new Promise<void>((resolve) => server.close(() => resolve()));
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
