/**
 * A process to be killed: 64 writers on the store in argv[2]. Each acknowledged write is printed as `revision key value`,
 * after the first one also `ready`.
 */
import { writeSync } from 'node:fs';
import { openEmbeddedStore } from '../embedded-store.ts';

const store = await openEmbeddedStore(process.argv[2] as string);

async function writer(id: number): Promise<void> {
  for (let n = 0; ; n++) {
    const key = `/w/${id}/${n % 20}`;
    const value = `${n}:${'v'.repeat(500)}`;
    const result = await store.txn([], [{ key, value: Buffer.from(value) }]);
    // Straight to the pipe: what is printed is acknowledged, and survives the kill.
    writeSync(1, `${result.committed ? result.revision : 0} ${key} ${n}\n`);
    if (id === 0 && n > 0 && n % 50 === 0) void store.compact(Math.max(0, (await store.revision()) - 500));
  }
}

await Promise.all(Array.from({ length: 64 }, (_, id) => writer(id)));
