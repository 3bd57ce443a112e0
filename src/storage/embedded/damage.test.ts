import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { rounds, seededRandom, testSeed } from '../../../test/support/full.ts';
import { StoreDirectoryError } from './directory.ts';
import { openEmbeddedStore } from './embedded-store.ts';

const seed = testSeed();
const options = { name: 'the store', restoreHint: 'restore a snapshot' };
let folder: string;
let whole: string;
let bytes: Buffer;
let expected: string;

/** Everything a reader could ask for. */
async function contents(directory: string): Promise<string> {
  const store = await openEmbeddedStore(directory, options);
  try {
    const [newest, oldest] = [await store.revision(), await store.oldestRevision()];
    const lines = [`${oldest} to ${newest}`];
    for (const revision of [oldest, newest])
      for (const kv of (await store.range('', { revision })).kvs)
        lines.push(`${kv.key} ${kv.createRevision} ${kv.modRevision} ${kv.value.toString('latin1')}`);
    const stop = new AbortController();
    for await (const batch of store.watch({ prefix: '', after: oldest, signal: stop.signal })) {
      for (const event of batch) lines.push(`${event.revision} ${event.type} ${event.previous?.modRevision}`);
      if (batch.at(-1)?.revision === newest) stop.abort();
    }
    return lines.join('\n');
  } finally {
    await store.close();
  }
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'damage-'));
  whole = join(folder, 'whole');
  const random = seededRandom(7);
  const store = await openEmbeddedStore(whole);
  const write = (n: number) => {
    const value = Buffer.alloc(Math.floor(random() ** 3 * 9000), `${n} `);
    return store.txn([], [{ key: `/k/${Math.floor(random() * 400)}`, value: random() < 0.1 ? undefined : value }]);
  };
  for (let n = 0; n < 1200; n += 40) await Promise.all(Array.from({ length: 40 }, (_, i) => write(n + i)));
  await store.compact((await store.revision()) - 300);
  for (let n = 0; n < 200; n += 40) await Promise.all(Array.from({ length: 40 }, (_, i) => write(n + i)));
  await store.close();
  bytes = readFileSync(join(whole, 'data.mdb'));
  expected = await contents(whole);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A copy whose data file was changed. */
function damaged(change: (data: Buffer) => Buffer): string {
  const copy = join(folder, 'copy');
  rmSync(copy, { recursive: true, force: true });
  cpSync(whole, copy, { recursive: true });
  writeFileSync(join(copy, 'data.mdb'), change(Buffer.from(bytes)));
  return copy;
}

/** Refused with what to do, or nothing that is in use was hit: never another content, never the end of the process. */
async function outcome(directory: string): Promise<'refused' | 'unharmed'> {
  try {
    expect(await contents(directory)).toBe(expected);
    return 'unharmed';
  } catch (error) {
    if (!(error instanceof StoreDirectoryError)) throw error;
    expect(error.message).toContain(`the store: the store in ${directory} is damaged (`);
    expect(error.message).toContain('; restore a snapshot, or move it away to begin with an empty store');
    return 'refused';
  }
}

describe(`a damaged store (KARMADA_TEST_SEED=${seed})`, () => {
  it('is refused wherever it is cut short', async () => {
    const random = seededRandom(seed);
    for (let round = 0; round < rounds(10); round++) {
      const length = Math.floor(random() * bytes.length * 0.9);
      expect(await outcome(damaged((data) => data.subarray(0, length)))).toBe('refused');
    }
  });

  it('is refused when a bit of what is in use is flipped, and is itself otherwise', async () => {
    const random = seededRandom(seed);
    let refused = 0;
    const total = rounds(60);
    for (let round = 0; round < total; round++) {
      // Half of the flips hit the small numbers that hold pages together.
      const at =
        random() < 0.5
          ? Math.floor(random() * bytes.length)
          : Math.floor((random() * bytes.length) / 4096) * 4096 + Math.floor(random() * 64);
      const bit = 1 << Math.floor(random() * 8);
      const directory = damaged((data) => {
        data[at] = (data[at] as number) ^ bit;
        return data;
      });
      if ((await outcome(directory)) === 'refused') refused++;
    }
    expect(refused).toBeGreaterThan(total / 10);
  });

  it('is refused when a page was never written or written twice', async () => {
    const random = seededRandom(seed);
    const pages = bytes.length / 4096;
    for (let round = 0; round < rounds(10); round++) {
      const page = Math.floor(random() * pages) * 4096;
      const other = Math.floor(random() * pages) * 4096;
      await outcome(damaged((data) => data.fill(0, page, page + 4096)));
      await outcome(damaged((data) => data.fill(bytes.subarray(other, other + 4096), page, page + 4096)));
    }
  });
});
