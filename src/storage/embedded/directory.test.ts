import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { put } from '../conformance.ts';
import { StoreDirectoryError } from './directory.ts';
import { openEmbeddedStore } from './embedded-store.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'store-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** By another file: one that is cut off while it is mapped ends the process. */
function replaceData(change: (bytes: Buffer) => Buffer): void {
  const file = join(directory, 'data.mdb');
  const changed = change(readFileSync(file));
  rmSync(file);
  writeFileSync(file, changed);
}

async function fillAndClose(path = directory): Promise<void> {
  const store = await openEmbeddedStore(path);
  for (let i = 0; i < 50; i++) await put(store, { [`/k/${i}`]: 'x'.repeat(5000) });
  await store.close();
}

describe('the directory of a store', () => {
  it('is made with mode 0700', async () => {
    const path = join(directory, 'new', 'store');
    await fillAndClose(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  it('has one owner, who is named to the next', async () => {
    const store = await openEmbeddedStore(directory, { name: 'the API server store' });
    await expect(openEmbeddedStore(directory, { name: 'the API server store' })).rejects.toThrow(
      `the API server store: ${directory} is in use by this process (pid ${process.pid}); stop it first`,
    );
    await put(store, { '/a': '1' });
    await store.close();
    const next = await openEmbeddedStore(directory);
    expect(await next.get('/a')).toMatchObject({ modRevision: 1 });
    await next.close();
  });

  it('is free when only the traces of an owner are left', async () => {
    await fillAndClose();
    writeFileSync(join(directory, 'owner.json'), JSON.stringify({ pid: process.pid, started: '2020-01-01T00:00:00Z' }));
    const store = await openEmbeddedStore(directory);
    expect(await store.revision()).toBe(50);
    await store.close();
  });

  it.each([
    [
      'another format',
      () => writeFileSync(join(directory, 'format.json'), '{"format":7}'),
      'has format 7, this build reads format 2; start the build that wrote it',
    ],
    [
      'an unreadable format file',
      () => writeFileSync(join(directory, 'format.json'), '{"for'),
      'format.json cannot be read',
    ],
    [
      'no format file beside data',
      () => rmSync(join(directory, 'format.json')),
      'format.json is missing beside a store that has data',
    ],
    ['no data file', () => rmSync(join(directory, 'data.mdb')), 'data.mdb is missing'],
    [
      'a data file that is cut off',
      () => replaceData((bytes) => bytes.subarray(0, 40_960)),
      'data.mdb: it is cut off at 40960 bytes',
    ],
    [
      'a data file of something else',
      () => replaceData(() => Buffer.from('x'.repeat(9000))),
      'data.mdb: it is not a store file',
    ],
  ])('with %s is refused with what to do, and left as it was', async (_name, damage, message) => {
    await fillAndClose();
    damage();
    for (let attempt = 0; attempt < 2; attempt++) {
      const failure = await openEmbeddedStore(directory).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(StoreDirectoryError);
      expect((failure as Error).message).toContain(message);
      expect((failure as Error).message).toMatch(/move (it|the directory) away to begin with an empty store/);
    }
  });

  it('that belongs to something else is refused', async () => {
    writeFileSync(join(directory, 'notes.txt'), 'mine');
    await expect(openEmbeddedStore(directory)).rejects.toThrow('holds other files (notes.txt) and no store');
    expect(readFileSync(join(directory, 'notes.txt'), 'utf8')).toBe('mine');
  });

  it('whose making was interrupted before anything was acknowledged is made again', async () => {
    const store = await openEmbeddedStore(directory);
    await store.close();
    rmSync(join(directory, 'format.json'));
    const again = await openEmbeddedStore(directory);
    expect(await put(again, { '/a': '1' })).toBe(1);
    await again.close();
  });

  it('that cannot be made is a clear error', async () => {
    writeFileSync(join(directory, 'file'), '');
    await expect(openEmbeddedStore(join(directory, 'file', 'store'))).rejects.toThrow('cannot make the directory');
    mkdirSync(join(directory, 'ok'));
  });
});
