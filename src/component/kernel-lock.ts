/**
 * A lock among the processes of one machine: a listening socket in Linux's abstract namespace. The kernel gives a name to
 * one process only and takes it back the moment that process is gone, however it ended: there is no stale lock.
 */
import { createHash } from 'node:crypto';
import { createServer } from 'node:net';

/** Returns what gives the lock back, or undefined when somebody holds it. Throws when the kernel has no such locks. */
export async function takeKernelLock(name: string): Promise<(() => Promise<void>) | undefined> {
  if (process.platform !== 'linux') throw new Error(`locks between processes need Linux, this is ${process.platform}`);
  const digest = createHash('sha256').update(name).digest('hex');
  const server = createServer((socket) => socket.destroy());
  const taken = await new Promise<boolean>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
    );
    server.listen(`\0karmada-${digest}`, () => resolve(true));
  });
  if (!taken) return undefined;
  server.unref();
  return () => new Promise((resolve) => server.close(() => resolve()));
}
