/**
 * Moves a store to another place: a directory or etcd, either way. The source is only read; nobody may serve it meanwhile.
 *
 *   target is empty ▸ marked as incomplete ▸ every key and value is copied ▸ both are read again and compared ▸ complete
 *
 * The target's revisions begin behind all that the source can have given out: a client that holds one of those is told to list
 * anew (410), and is never shown other changes under the same numbers. In a directory every object keeps its own revision; in
 * etcd, which counts by itself, each has a new one.
 */
import { createHash } from 'node:crypto';
import { findDataFile } from './embedded/directory.ts';
import { openEmbeddedStore } from './embedded/embedded-store.ts';
import { defaultRevisionBump, fillDirectory } from './embedded/snapshot.ts';
import type { Address, LogRecord } from './embedded/tables.ts';
import { type EtcdStoreOptions, foundEtcdStore, openEtcdStore } from './etcd/etcd-store.ts';
import type { KeyValue, Store, Write } from './store.ts';

export type Place = { kind: 'directory'; path: string } | ({ kind: 'etcd' } & EtcdStoreOptions);

export interface MigrationSummary {
  keys: number;
  bytes: number;
  /** Hex, of every key and value. */
  sha256: string;
  sourceRevision: number;
  /** Where the target begins. */
  targetRevision: number;
}

const pageSize = 500;
/** Of one txn into etcd: it takes 128 writes, and 1.5 MiB. */
const writesPerTxn = 100;
const bytesPerTxn = 1024 * 1024;

/** Throws when the target is not empty, and when what arrived is not what is there. */
export async function migrateStore(from: Place, to: Place): Promise<MigrationSummary> {
  const source = await openPlace(from);
  try {
    const sourceRevision = await source.revision();
    const targetRevision = sourceRevision + defaultRevisionBump;
    const expected = await digest(source, sourceRevision);
    if (to.kind === 'etcd')
      await foundEtcdStore(to, targetRevision, async (target) => {
        await fillStore(target, pages(source, sourceRevision));
        await compare(source, expected, target);
      });
    else {
      await fillDirectory(to.path, targetRevision, rows(source, sourceRevision));
      const target = await openPlace(to);
      try {
        await compare(source, expected, target);
      } finally {
        await target.close();
      }
    }
    return { ...expected, sourceRevision, targetRevision };
  } finally {
    await source.close();
  }
}

async function openPlace(place: Place): Promise<Store> {
  if (place.kind === 'etcd') return openEtcdStore(place);
  // Opening would make one.
  await findDataFile(place.path, { name: 'migrate' });
  return openEmbeddedStore(place.path, { name: 'migrate' });
}

interface Digest {
  keys: number;
  bytes: number;
  sha256: string;
}

async function compare(source: Store, expected: Digest, target: Store): Promise<void> {
  const now = await digest(source, await source.revision());
  if (now.sha256 !== expected.sha256)
    throw new Error('the source was written to meanwhile; stop every server on it, empty the target, and begin again');
  const arrived = await digest(target, await target.revision());
  if (arrived.sha256 !== expected.sha256)
    throw new Error(
      `the target is not what the source is: ${arrived.keys} keys of ${expected.keys}, sha256 ${arrived.sha256} instead of ${expected.sha256}`,
    );
}

async function digest(store: Store, revision: number): Promise<Digest> {
  const hash = createHash('sha256');
  const length = Buffer.alloc(4);
  let keys = 0;
  let bytes = 0;
  const add = (part: Buffer): void => {
    length.writeUInt32BE(part.length);
    hash.update(length).update(part);
    bytes += part.length;
  };
  for await (const page of pages(store, revision))
    for (const { key, value } of page) {
      add(Buffer.from(key));
      add(value);
      keys++;
    }
  return { keys, bytes, sha256: hash.digest('hex') };
}

async function* pages(store: Store, revision: number): AsyncGenerator<readonly KeyValue[]> {
  let after: string | undefined;
  for (;;) {
    const page = await store.range('', { after, limit: pageSize, revision });
    yield page.kvs;
    if (page.remaining === 0) return;
    after = page.kvs.at(-1)?.key;
  }
}

async function fillStore(target: Store, source: AsyncIterable<readonly KeyValue[]>): Promise<void> {
  let writes: Write[] = [];
  let bytes = 0;
  const flush = async (): Promise<void> => {
    // Guarded, a txn whose answer is lost can be sent again.
    const guards = writes.map(({ key }) => ({ key, modRevision: 0 }));
    const result = writes.length === 0 || (await target.txn(guards, writes)).committed;
    if (!result) throw new Error('the target is written to by somebody else');
    writes = [];
    bytes = 0;
  };
  for await (const page of source)
    for (const { key, value } of page) {
      if (writes.length === writesPerTxn || bytes + value.length > bytesPerTxn) await flush();
      writes.push({ key, value });
      bytes += key.length + value.length;
    }
  await flush();
}

/** As the log of a directory keeps them: numbered within the revision that wrote them. */
async function* rows(store: Store, revision: number): AsyncGenerator<{ address: Address; record: LogRecord }> {
  const written = new Map<number, number>();
  for await (const page of pages(store, revision))
    for (const { key, value, modRevision, createRevision } of page) {
      const sub = written.get(modRevision) ?? 0;
      written.set(modRevision, sub + 1);
      const record: LogRecord = { key, value, createRevision, previous: { revision: 0, sub: 0 } };
      yield { address: { revision: modRevision, sub }, record };
    }
}
