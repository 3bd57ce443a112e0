import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openWatch, send, type WatchLines } from '../../test/support/api-server.ts';
import { rounds, seededRandom, testSeed } from '../../test/support/full.ts';
import { createServerProcesses } from '../../test/support/server-process.ts';
import type { Transport } from '../client/transport.ts';

const seed = testSeed();
const writers = 64;
const configMaps = '/api/v1/namespaces/default/configmaps';

/** What a writer knows of its object: a value, or absent. `pending` is what it asked for and has no answer to. */
interface Known {
  value: string | undefined;
  pending: { value: string | undefined } | undefined;
}

interface Seen {
  revision: number;
  type: string;
  name: string;
  value: string | undefined;
}

/** Writes until the connection breaks; every acknowledged revision is handed to `acknowledged`. */
async function write(
  transport: Transport,
  name: string,
  known: Known,
  random: () => number,
  acknowledged: (revision: number) => void,
): Promise<void> {
  for (;;) {
    const value = random() < 0.15 && known.value !== undefined ? undefined : `${name} ${random()}`;
    known.pending = { value };
    try {
      const body = { metadata: { name }, data: { value, filler: 'x'.repeat(Math.floor(random() * 4000)) } };
      const reply =
        value === undefined
          ? await send(transport, 'DELETE', `${configMaps}/${name}`)
          : known.value === undefined
            ? await send(transport, 'POST', configMaps, { body })
            : await send(transport, 'PUT', `${configMaps}/${name}`, { body });
      expect(reply.status).toBeLessThan(300);
      known.value = value;
      known.pending = undefined;
      if (value !== undefined) acknowledged(Number(reply.body.metadata.resourceVersion));
    } catch (error) {
      if (error instanceof Error && error.name === 'AssertionError') throw error;
      return;
    }
  }
}

async function follow(watch: WatchLines, seen: Seen[]): Promise<void> {
  try {
    for (;;) {
      const { value: event, done } = await watch.next();
      if (done) return;
      const { metadata, data } = event.object;
      const value = event.type === 'DELETED' ? undefined : data.value;
      seen.push({ revision: Number(metadata.resourceVersion), type: event.type, name: metadata.name, value });
    }
  } catch {
    // The connection is gone with the server.
  }
}

describe(`an API server that is killed (KARMADA_TEST_SEED=${seed})`, () => {
  it('under 64 writers loses nothing acknowledged, never goes back, and lets watches go on without gap or repeat', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'crash-'));
    const random = seededRandom(seed);
    const processes = await createServerProcesses();
    const states = Array.from({ length: writers }, (): Known => ({ value: undefined, pending: undefined }));
    const acknowledged = new Set<number>();
    const seen: Seen[] = [];
    let newest = 0;
    try {
      for (let round = 0; round <= rounds(2); round++) {
        const server = await processes.start({ directory });
        const [reader, writer] = [server.connect(), server.connect()];
        const { body: list } = await send(reader, 'GET', configMaps);
        const listRevision = Number(list.metadata.resourceVersion);
        expect(listRevision).toBeGreaterThanOrEqual(newest);
        // What was asked for without an answer has happened or has not.
        const there = new Map<string, string>(
          list.items.map((item: { metadata: { name: string }; data: { value: string } }) => [
            item.metadata.name,
            item.data.value,
          ]),
        );
        for (const [i, state] of states.entries()) {
          const found = there.get(`w${i}`);
          if (state.pending === undefined) expect(found).toBe(state.value);
          else expect([state.value, state.pending.value]).toContain(found);
          Object.assign(state, { value: found, pending: undefined });
        }
        const from = seen.at(-1)?.revision ?? listRevision;
        const watch = await openWatch(reader, `${configMaps}?watch=true&resourceVersion=${from}`);
        const following = follow(watch, seen);
        const goal = round < rounds(2) ? acknowledged.size + 200 + Math.floor(random() * 600) : acknowledged.size;
        let reached = (): void => undefined;
        const enough = new Promise<void>((resolve) => {
          reached = resolve;
        });
        const writing = states.map((state, i) =>
          write(writer, `w${i}`, state, random, (revision) => {
            newest = Math.max(newest, revision);
            acknowledged.add(revision);
            if (acknowledged.size >= goal) reached();
          }),
        );
        await enough;
        // In the last round everything must arrive.
        if (round === rounds(2))
          await expect.poll(() => seen.at(-1)?.revision ?? 0, { timeout: 20_000 }).toBeGreaterThan(newest - 1);
        expect(await server.kill()).toBe('');
        await Promise.all([following, ...writing]);
        await reader.close();
        await writer.close();
      }
      const revisions = seen.map(({ revision }) => revision);
      expect(revisions).toEqual([...new Set(revisions)].sort((a, b) => a - b));
      const last = revisions.at(-1) ?? 0;
      const told = new Set(revisions);
      expect([...acknowledged].filter((revision) => revision <= last && !told.has(revision))).toEqual([]);
      // Each object's events follow one another.
      const present = new Map<string, string | undefined>();
      for (const { name, type, value } of seen) {
        expect({ name, type, existed: present.get(name) !== undefined }).toEqual({
          name,
          type,
          existed: type !== 'ADDED',
        });
        present.set(name, value);
      }
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
