import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { rounds } from '../../../test/support/full.ts';
import { openEmbeddedStore } from './embedded-store.ts';

const script = fileURLToPath(new URL('./testing/writers.ts', import.meta.url));

/** Runs writers until so many writes are acknowledged, then kills them. Resolves to the lines they printed. */
async function killedWriters(directory: string, acknowledged: number): Promise<{ lines: string[]; errors: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', script, directory], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  let count = 0;
  let refusal: Promise<unknown> | undefined;
  child.stdout.on('data', (data: Buffer) => {
    output += data;
    refusal ??= openEmbeddedStore(directory).catch((error: unknown) => error);
    for (const byte of data) if (byte === 10) count++;
    if (count >= acknowledged) child.kill('SIGKILL');
  });
  child.stderr.on('data', (data: Buffer) => {
    errors += data;
  });
  await new Promise<void>((resolve) => child.once('close', () => resolve()));
  expect(String(await refusal)).toMatch(`${directory} is in use by process ${child.pid}, started 20`);
  return { lines: output.split('\n').slice(0, -1), errors };
}

it('loses nothing acknowledged when it is killed under 64 writers, and is free again at once', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'store-'));
  try {
    let newest = 0;
    for (let round = 0; round < rounds(2); round++) {
      const { lines, errors } = await killedWriters(directory, 3000);
      expect(errors).toBe('');
      expect(lines.length).toBeGreaterThanOrEqual(3000);
      const last = new Map<string, { revision: number; n: number }>();
      for (const line of lines) {
        const [revision, key, n] = line.split(' ') as [string, string, string];
        last.set(key, { revision: Number(revision), n: Number(n) });
        newest = Math.max(newest, Number(revision));
      }
      const store = await openEmbeddedStore(directory);
      // What was committed but not yet acknowledged may be there too.
      const revision = await store.revision();
      expect(revision).toBeGreaterThanOrEqual(newest);
      let max = 0;
      const { kvs } = await store.range('/w/');
      for (const kv of kvs) {
        max = Math.max(max, kv.modRevision);
        const acknowledged = last.get(kv.key);
        if (!acknowledged) continue;
        expect(kv.modRevision).toBeGreaterThanOrEqual(acknowledged.revision);
        last.delete(kv.key);
      }
      expect(last.size).toBe(0);
      expect(revision).toBe(max);
      newest = revision;
      await store.close();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
