/**
 * Backup and restore of a store directory.
 *
 * A snapshot is taken from the directory, beside the server that owns it: LMDB gives other processes a view of one commit
 * while commits go on. So it needs no right but that to read the directory, and works when the server does not run.
 *
 * A restored store begins behind every revision that anybody can have seen: those between the snapshot and the disaster are
 * lost, and a client that holds one must be told so (410), not shown other changes under the same numbers.
 */
import { existsSync, readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { findDataFile, openDirectory, StoreDirectoryError } from './directory.ts';
import { openTables } from './embedded-store.ts';
import { readSnapshot, type SnapshotSummary, writeSnapshot } from './snapshot-file.ts';
import {
  type Address,
  decodeIndexEntry,
  decodeRevision,
  encodeAddress,
  encodeIndexEntry,
  encodeLogRecord,
  encodeRevision,
  encodeSwept,
  type LogRecord,
  metaKeys,
  type Tables,
} from './tables.ts';

/** How far a restored store's revisions lie behind the snapshot's: more than any store writes between two snapshots. */
export const defaultRevisionBump = 1_000_000_000;
const maxRevision = 2 ** 48 - 1;
const recordsPerCommit = 2000;
const name = 'snapshot';

/** Writes the newest state to a file, which is replaced if it exists. Throws StoreDirectoryError and file errors. */
export async function saveSnapshot(directory: string, path: string, now: Date): Promise<SnapshotSummary> {
  const tables = openTables(await findDataFile(directory, { name }), { readOnly: true });
  const transaction = tables.root.useReadTransaction();
  try {
    const revision = decodeRevision(metaKeys.revision, tables.meta.get(metaKeys.revision, { transaction }));
    function* rows(): Generator<{ address: Address; row: Buffer }> {
      for (const { key, value } of tables.index.getRange({ transaction })) {
        const address = decodeIndexEntry(key, value);
        const row = tables.log.get(encodeAddress(address.revision, address.sub), { transaction });
        if (row === undefined)
          throw new StoreDirectoryError(`${name}: the store in ${directory} is damaged (no value for ${key})`);
        yield { address, row };
      }
    }
    return writeSnapshot(path, revision, now, rows());
  } finally {
    transaction.done();
    await tables.root.close();
  }
}

/**
 * Makes a store of a snapshot in an empty directory. Throws SnapshotError for a file that is not whole, StoreDirectoryError
 * for a directory that is not empty.
 */
export async function restoreSnapshot(
  path: string,
  directory: string,
  revisionBump = defaultRevisionBump,
): Promise<SnapshotSummary & { restoredRevision: number }> {
  checkEmpty(directory);
  return readSnapshot(path, async ({ header, summary, records }) => {
    const restoredRevision = header.revision + revisionBump;
    await fillDirectory(directory, restoredRevision, records());
    return { ...summary, restoredRevision };
  });
}

type Row = { address: Address; record: LogRecord };

/**
 * Makes a store of the newest state of its keys in an empty directory; it begins at the revision, which is behind all of theirs. A
 * store whose filling was interrupted is refused at start.
 */
export async function fillDirectory(
  directory: string,
  revision: number,
  rows: Iterable<Row> | AsyncIterable<Row>,
): Promise<void> {
  checkEmpty(directory);
  if (revision > maxRevision) throw new StoreDirectoryError(`${name}: ${revision} is no revision`);
  const home = await openDirectory(resolve(directory), { name });
  const tables = openTables(home.dataFile);
  try {
    // First, so that a restore that is interrupted leaves no directory that passes for a new store.
    await tables.root.batch(() => putMeta(tables, revision));
    let batch: (() => void)[] = [];
    const flush = async (): Promise<void> => {
      const puts = batch;
      batch = [];
      await tables.root.batch(() => {
        for (const put of puts) put();
      });
    };
    for await (const { address, record } of rows) {
      const key = Buffer.from(record.key);
      const at = encodeAddress(address.revision, address.sub);
      const row = encodeLogRecord(at, { ...record, previous: { revision: 0, sub: 0 } });
      const entry = encodeIndexEntry(key, { ...address, createRevision: record.createRevision });
      batch.push(() => {
        tables.log.put(at, row);
        tables.index.put(key, entry);
      });
      if (batch.length >= recordsPerCommit) await flush();
    }
    await flush();
    await tables.root.flushed;
    // In its own eyes the directory is new until now.
    home.complete(0);
  } finally {
    await tables.root.close();
    await home.release();
  }
}

function checkEmpty(directory: string): void {
  const target = resolve(directory);
  if (existsSync(target) && readdirSync(target).length > 0)
    throw new StoreDirectoryError(`${name}: ${target} is not empty; choose an empty directory, or one yet to be made`);
}

/** Everything up to the revision counts as compacted and swept. */
function putMeta({ meta }: Tables, revision: number): void {
  meta.put(metaKeys.revision, encodeRevision(metaKeys.revision, revision));
  meta.put(metaKeys.oldest, encodeRevision(metaKeys.oldest, revision));
  meta.put(metaKeys.swept, encodeSwept(encodeAddress(revision, 2 ** 32 - 2)));
}
