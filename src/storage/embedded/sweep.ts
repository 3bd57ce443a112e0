/** The SWEEPING part of compaction (picture in tables.ts): a bounded number of log entries a commit. */
import type { CommitQueue, PendingCommit } from './commit-queue.ts';
import { peekLog } from './history.ts';
import {
  decodeAddress,
  decodeSwept,
  decodeTombstone,
  encodeAddress,
  encodeSwept,
  metaKeys,
  type Tables,
} from './tables.ts';

const entriesPerStep = 200;

/** Cleans the log up to `oldest()`, which may move meanwhile. Resolves when all is swept, or when `stopped()`. */
export async function sweep(
  tables: Tables,
  queue: CommitQueue,
  oldest: () => number,
  stopped: () => boolean,
): Promise<void> {
  while (!stopped()) {
    const more = await queue.submit((pending) => sweepStep(tables, pending, oldest()));
    if (!more) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

function sweepStep(tables: Tables, pending: PendingCommit, oldest: number): boolean {
  const swept = tables.meta.getBinary(metaKeys.swept);
  const start = swept ? afterSwept(swept) : encodeAddress(0, 0);
  let last: Buffer | undefined;
  let count = 0;
  for (const key of tables.log.getKeys({
    start,
    end: encodeAddress(oldest + 1, 0),
    limit: entriesPerStep,
  })) {
    const address = decodeAddress(key);
    const record = peekLog(tables, key);
    if (record === undefined) continue;
    if (record.previous.revision !== 0)
      pending.remove(tables.log, encodeAddress(record.previous.revision, record.previous.sub));
    if (record.value === undefined) {
      pending.remove(tables.log, encodeAddress(address.revision, address.sub));
      removeTombstone(tables, pending, record.key, address.revision);
    }
    last = Buffer.from(key);
    count++;
  }
  if (last !== undefined) pending.put(tables.meta, metaKeys.swept, encodeSwept(last));
  return count === entriesPerStep;
}

/** The row in `deleted`, unless a later deletion (or a write of this very commit) has taken its place. */
function removeTombstone(tables: Tables, pending: PendingCommit, key: string, revision: number): void {
  if (pending.keys.has(key)) return;
  const keyBytes = Buffer.from(key);
  const current = tables.deleted.getBinary(keyBytes);
  if (current && decodeTombstone(keyBytes, current).revision === revision) pending.remove(tables.deleted, keyBytes);
}

function afterSwept(row: Buffer): Buffer {
  const { revision, sub } = decodeSwept(row);
  return encodeAddress(revision, sub + 1);
}
