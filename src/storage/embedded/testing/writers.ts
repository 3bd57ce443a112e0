/**
 * A process to be killed: 64 writers on the store in argv[2]. Each acknowledged write is printed as `revision key value`,
 * after the first one also `ready`.
 */
import { once } from 'node:events';
import { openEmbeddedStore } from '../embedded-store.ts';

const store = await openEmbeddedStore(process.argv[2] as string);

let draining: Promise<unknown> | undefined;
function drained(): Promise<unknown> {
  draining ??= once(process.stdout, 'drain').then(() => {
    draining = undefined;
  });
  return draining;
}

async function writer(id: number): Promise<void> {
  for (let n = 0; ; n++) {
    const key = `/w/${id}/${n % 20}`;
    const value = `${n}:${'v'.repeat(500)}`;
    const result = await store.txn([], [{ key, value: Buffer.from(value) }]);
    // What is printed is acknowledged. What is still in the buffer of this process at the kill was never seen by anybody.
    if (!process.stdout.write(`${result.committed ? result.revision : 0} ${key} ${n}\n`)) await drained();
    if (id === 0 && n > 0 && n % 50 === 0) void store.compact(Math.max(0, (await store.revision()) - 500));
  }
}

await Promise.all(Array.from({ length: 64 }, (_, id) => writer(id)));
