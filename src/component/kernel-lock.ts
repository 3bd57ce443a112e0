/**
 * A lock among the processes of one machine: a listening socket in Linux's abstract namespace. The kernel gives a name to
 * one process only and takes it back the moment that process is gone, however it ended: there is no stale lock.
 */
import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * A child that this process is just starting has the socket, too, until its program begins: what was given back a moment ago may look
 * held. Milliseconds.
 */
const triesAfter = [0, 20, 80, 200];

/** Returns what gives the lock back, or undefined when somebody holds it. Throws when the kernel has no such locks. */
export async function takeKernelLock(name: string): Promise<(() => Promise<void>) | undefined> {
  if (process.platform !== 'linux') throw new Error(`locks between processes need Linux, this is ${process.platform}`);
  const digest = createHash('sha256').update(name).digest('hex');
  for (const ms of triesAfter) {
    if (ms > 0) await sleep(ms);
    const server = await listenAt(`\0karmada-${digest}`);
    if (server === undefined) continue;
    server.unref();
    return () => new Promise((resolve) => server.close(() => resolve()));
  }
  return undefined;
}

/** Undefined when somebody listens there. */
function listenAt(path: string): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    );
    server.listen(path, () => resolve(server));
  });
}
