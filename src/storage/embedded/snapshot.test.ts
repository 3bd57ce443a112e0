import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { put } from '../conformance.ts';
import { CompactedError, type Store } from '../store.ts';
import { openEmbeddedStore } from './embedded-store.ts';
import { restoreSnapshot, saveSnapshot } from './snapshot.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'snapshot-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const now = new Date('2026-01-02T03:04:05Z');
const at = (name: string) => join(folder, name);

async function contents(store: Store): Promise<string[]> {
  const { kvs } = await store.range('');
  return kvs.map((kv) => `${kv.key} ${kv.createRevision} ${kv.modRevision} ${kv.value}`);
}

async function filled(): Promise<string[]> {
  const store = await openEmbeddedStore(at('store'));
  for (let i = 0; i < 60; i++) await put(store, { [`/k/${i % 25}`]: `${i} `.repeat(i * 40), '/both': String(i) });
  await put(store, { '/k/3': undefined });
  const all = await contents(store);
  await store.close();
  return all;
}

describe('a snapshot', () => {
  it('brings back every object with its revisions, and goes on behind all that anybody can have seen', async () => {
    const before = await filled();
    const saved = await saveSnapshot(at('store'), at('snap'), now);
    expect(saved).toMatchObject({ revision: 61, keys: 25, bytes: statSync(at('snap')).size });
    expect(statSync(at('snap')).mode & 0o777).toBe(0o600);
    expect(await restoreSnapshot(at('snap'), at('restored'), 1000)).toEqual({ ...saved, restoredRevision: 1061 });

    const store = await openEmbeddedStore(at('restored'));
    expect(await contents(store)).toEqual(before);
    expect(await store.revision()).toBe(1061);
    for (const revision of [1, 61, 62, 1060]) {
      await expect(store.get('/both', revision)).rejects.toThrow(CompactedError);
      const watch = store.watch({ prefix: '', after: revision, signal: new AbortController().signal });
      await expect(watch[Symbol.asyncIterator]().next()).rejects.toThrow(CompactedError);
    }
    const stop = new AbortController();
    const watch = store.watch({ prefix: '', after: 1061, signal: stop.signal })[Symbol.asyncIterator]();
    expect(await put(store, { '/both': 'new', '/k/3': 'again' })).toBe(1062);
    const { value } = await watch.next();
    expect(value).toMatchObject([
      { type: 'put', revision: 1062, previous: { modRevision: 60 } },
      { type: 'put', revision: 1062, previous: undefined },
    ]);
    stop.abort();
    await store.compact(1062);
    expect(await contents(store)).toHaveLength(26);
    await store.close();
  });

  it('is taken of one moment, while a server writes', async () => {
    const script = fileURLToPath(new URL('./testing/writers.ts', import.meta.url));
    const child = spawn(process.execPath, ['--import', 'tsx', script, at('store')], { stdio: 'pipe' });
    try {
      let lines = 0;
      await new Promise<void>((resolve) => {
        child.stdout.on('data', (data: Buffer) => {
          for (const byte of data) if (byte === 10) lines++;
          if (lines > 2000) resolve();
        });
      });
      for (let round = 0; round < 3; round++) {
        const seen = lines;
        const saved = await saveSnapshot(at('store'), at('snap'), now);
        expect(saved.revision).toBeGreaterThanOrEqual(seen);
        rmSync(at('restored'), { recursive: true, force: true });
        await restoreSnapshot(at('snap'), at('restored'));
        const store = await openEmbeddedStore(at('restored'));
        const { kvs } = await store.range('/w/');
        expect(kvs).toHaveLength(saved.keys);
        // One write a revision, none later than the snapshot's, the last of them in it.
        const revisions = kvs.map((kv) => kv.modRevision);
        expect(new Set(revisions).size).toBe(kvs.length);
        expect(Math.max(...revisions)).toBe(saved.revision);
        await store.close();
      }
    } finally {
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGKILL');
      await ended;
    }
  });

  it('is not written over a store that is damaged or not there', async () => {
    await expect(saveSnapshot(at('nowhere'), at('snap'), now)).rejects.toThrow(/there is no store in/);
    await filled();
    const file = join(at('store'), 'data.mdb');
    const cut = readFileSync(file).subarray(0, 20_000);
    rmSync(file); // A file that is cut off while it is mapped ends the process.
    writeFileSync(file, cut);
    await expect(saveSnapshot(at('store'), at('snap'), now)).rejects.toThrow(/is damaged \(data.mdb: it is cut off/);
    expect(existsSync(at('snap'))).toBe(false);
  });

  it('that is damaged anywhere is refused before a directory is made', async () => {
    await filled();
    await saveSnapshot(at('store'), at('snap'), now);
    const whole = readFileSync(at('snap'));
    const damage: [Buffer, RegExp][] = [
      [whole.subarray(0, whole.length - 1), /is not usable: its checksum does not match/],
      [whole.subarray(0, 5), /is not usable: it is not a snapshot of a store/],
      [Buffer.from('something else'.repeat(1000)), /is not usable: it is not a snapshot of a store/],
    ];
    for (let i = 0; i < 40; i++) {
      const copy = Buffer.from(whole);
      const byte = Math.floor((i / 40) * whole.length);
      copy[byte] = (copy[byte] as number) ^ 4;
      damage.push([copy, /is not usable/]);
    }
    for (const [bytes, message] of damage) {
      writeFileSync(at('bad'), bytes);
      await expect(restoreSnapshot(at('bad'), at('restored'))).rejects.toThrow(message);
    }
    await expect(restoreSnapshot(at('none'), at('restored'))).rejects.toThrow(/cannot read the snapshot/);
    expect(existsSync(at('restored'))).toBe(false);
  });

  it('is not restored over anything, and what an interrupted restore leaves is not served', async () => {
    await filled();
    await saveSnapshot(at('store'), at('snap'), now);
    await expect(restoreSnapshot(at('snap'), at('store'))).rejects.toThrow(/store is not empty/);
    await restoreSnapshot(at('snap'), at('restored'));
    rmSync(join(at('restored'), 'format.json'));
    await expect(openEmbeddedStore(at('restored'))).rejects.toThrow(/format.json is missing beside a store that has/);
    expect(readdirSync(folder).sort()).toEqual(['restored', 'snap', 'store']);
  });
});
