/** What a txn writes, decided against the committed state and the earlier txns of its group. */
import type { Guard, KeyValue, StoreEvent, TxnResult, Write } from '../store.ts';
import type { KeyState, PendingCommit } from './commit-queue.ts';
import { readKeyValue } from './history.ts';
import {
  decodeIndexEntry,
  decodeTombstone,
  encodeAddress,
  encodeIndexEntry,
  encodeLogRecord,
  encodeTombstone,
  type Tables,
  valueIn,
} from './tables.ts';

export function planTxn(
  tables: Tables,
  pending: PendingCommit,
  guards: readonly Guard[],
  writes: readonly Write[],
): TxnResult {
  for (const guard of guards) {
    const { current } = stateOf(tables, pending, guard.key);
    if ((current?.modRevision ?? 0) !== guard.modRevision) return { committed: false, key: guard.key, current };
  }
  const revision = pending.revision + 1;
  let sub = 0;
  for (const write of writes) {
    const state = stateOf(tables, pending, write.key);
    if (write.value === undefined && state.current === undefined) continue;
    put(tables, pending, write, state, { revision, sub });
    sub++;
  }
  if (sub > 0) pending.revision = revision;
  return { committed: true, revision: pending.revision };
}

function put(
  tables: Tables,
  pending: PendingCommit,
  write: Write,
  { current, address: previous }: KeyState,
  address: { revision: number; sub: number },
): void {
  const { revision, sub } = address;
  const key = Buffer.from(write.key);
  const createRevision = current?.createRevision ?? revision;
  const logKey = encodeAddress(revision, sub);
  const record = encodeLogRecord(logKey, {
    key: write.key,
    value: write.value,
    createRevision,
    previous: previous ?? { revision: 0, sub: 0 },
  });
  pending.put(tables.log, logKey, record);
  let event: StoreEvent;
  let kv: KeyValue | undefined;
  if (write.value === undefined) {
    pending.remove(tables.index, key);
    pending.put(tables.deleted, key, encodeTombstone(key, address));
    event = { type: 'delete', key: write.key, previous: current as KeyValue, revision };
  } else {
    if (current === undefined && previous !== undefined) pending.remove(tables.deleted, key);
    pending.put(tables.index, key, encodeIndexEntry(key, { revision, sub, createRevision }));
    // The record is a copy: the caller may reuse its buffer.
    const value = valueIn(record, write.value.length);
    kv = { key: write.key, value, modRevision: revision, createRevision };
    event = { type: 'put', kv, previous: current, revision };
  }
  pending.keys.set(write.key, { address, current: kv });
  pending.events.push(event);
}

function stateOf(tables: Tables, pending: PendingCommit, key: string): KeyState {
  const known = pending.keys.get(key);
  if (known) return known;
  const keyBytes = Buffer.from(key);
  const entry = tables.index.getBinary(keyBytes);
  if (entry) {
    const address = decodeIndexEntry(keyBytes, entry);
    return { address, current: readKeyValue(tables, address) };
  }
  const tombstone = tables.deleted.getBinary(keyBytes);
  return { address: tombstone && decodeTombstone(keyBytes, tombstone), current: undefined };
}
