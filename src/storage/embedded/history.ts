/** Reads: the newest state through the index, older ones along `previous`, the log onwards. See the picture in tables.ts. */
import type { KeyValue, RangeOptions, RangeResult, StoreEvent } from '../store.ts';
import type { LogPiece } from '../watch-feed.ts';
import {
  type Address,
  decodeAddress,
  decodeIndexEntry,
  decodeLogRecord,
  decodeRevision,
  decodeTombstone,
  encodeAddress,
  type LogRecord,
  metaKeys,
  prefixEnd,
  type Tables,
} from './tables.ts';

/** Log entries read at a time; bounds how long one read holds the event loop. */
const logPieceSize = 512;
const logPieceBytes = 8 << 20;

/** The current value. Two look-ups. */
export function readCurrent(tables: Tables, key: string): KeyValue | undefined {
  const keyBytes = Buffer.from(key);
  const row = tables.index.getBinary(keyBytes);
  return row && readKeyValue(tables, decodeIndexEntry(keyBytes, row));
}

/** The value at a readable revision. Cost: the key's changes since then. */
export function readAt(tables: Tables, key: string, revision: number): KeyValue | undefined {
  const keyBytes = Buffer.from(key);
  const present = tables.index.getBinary(keyBytes);
  if (present) return follow(tables, decodeIndexEntry(keyBytes, present), revision);
  const deleted = tables.deleted.getBinary(keyBytes);
  return deleted && follow(tables, decodeTombstone(keyBytes, deleted), revision);
}

/** Keys with a prefix, newest state or that of a readable revision. One snapshot. */
export function readRange(tables: Tables, prefix: string, options: RangeOptions): RangeResult {
  const prefixBytes = Buffer.from(prefix);
  const afterBytes = options.after === undefined ? undefined : Buffer.from(options.after);
  const start = afterBytes && Buffer.compare(afterBytes, prefixBytes) >= 0 ? next(afterBytes) : prefixBytes;
  const bounds = { start, end: prefixEnd(prefixBytes) };
  const limit = options.limit ? options.limit : Number.POSITIVE_INFINITY;
  const newest = decodeRevision(metaKeys.revision, tables.meta.getBinary(metaKeys.revision));
  return options.revision === undefined || options.revision === newest
    ? rangeOfNow(tables, bounds, limit, newest)
    : rangeOfPast(tables, bounds, limit, options.revision);
}

interface Bounds {
  start: Buffer;
  end: Buffer | undefined;
}

function lmdbRange({ start, end }: Bounds) {
  // LMDB has no empty key: from the start of the table, leave the bound out.
  return { ...(start.length > 0 ? { start } : {}), ...(end ? { end } : {}) };
}

function rangeOfNow(tables: Tables, bounds: Bounds, limit: number, revision: number): RangeResult {
  const kvs: KeyValue[] = [];
  let last: Buffer | undefined;
  for (const { key, value } of tables.index.getRange(lmdbRange(bounds))) {
    if (kvs.length >= limit) break;
    const kv = readKeyValue(tables, decodeIndexEntry(key, value));
    if (kv) kvs.push(kv);
    last = key;
  }
  const remaining =
    kvs.length < limit || last === undefined
      ? 0
      : tables.index.getKeysCount(lmdbRange({ start: next(last), end: bounds.end }));
  return { kvs, revision, remaining };
}

function rangeOfPast(tables: Tables, bounds: Bounds, limit: number, revision: number): RangeResult {
  const kvs: KeyValue[] = [];
  let remaining = 0;
  for (const address of mergedKeys(tables, bounds, revision)) {
    const kv = follow(tables, address, revision);
    if (kv === undefined) continue;
    if (kvs.length < limit) kvs.push(kv);
    else remaining++;
  }
  return { kvs, revision, remaining };
}

/** Newest addresses of present and since deleted keys, in key order. */
function* mergedKeys(tables: Tables, bounds: Bounds, revision: number): Generator<Address> {
  const deleted: { key: Buffer; address: Address }[] = [];
  for (const { key, value } of tables.deleted.getRange(lmdbRange(bounds))) {
    const address = decodeTombstone(key, value);
    if (address.revision > revision) deleted.push({ key: Buffer.from(key), address });
  }
  let i = 0;
  for (const { key, value } of tables.index.getRange(lmdbRange(bounds))) {
    for (let other = deleted[i]; other && Buffer.compare(other.key, key) < 0; other = deleted[++i]) yield other.address;
    yield decodeIndexEntry(key, value);
  }
  for (; i < deleted.length; i++) yield (deleted[i] as { address: Address }).address;
}

/** Goes back from an address to the state of a revision. */
function follow(tables: Tables, newest: Address, revision: number): KeyValue | undefined {
  let address = newest;
  while (address.revision !== 0) {
    const key = encodeAddress(address.revision, address.sub);
    const bytes = tables.log.getBinary(key);
    // Only a compacted deletion may be missing: the key did not exist then.
    if (bytes === undefined) return undefined;
    const record = decodeLogRecord(key, bytes);
    if (address.revision <= revision) return keyValueOf(record, address.revision);
    address = record.previous;
  }
  return undefined;
}

export function readKeyValue(tables: Tables, address: Address): KeyValue | undefined {
  const key = encodeAddress(address.revision, address.sub);
  const bytes = tables.log.getBinary(key);
  return bytes && keyValueOf(decodeLogRecord(key, bytes), address.revision);
}

function keyValueOf(record: LogRecord, modRevision: number): KeyValue | undefined {
  if (record.value === undefined) return undefined;
  return { key: record.key, value: record.value, modRevision, createRevision: record.createRevision };
}

/** Events of a prefix with `after` < revision ≤ `upTo`, a bounded piece of whole revisions. */
export function readLog(tables: Tables, prefix: string, after: number, upTo: number): LogPiece {
  const events: StoreEvent[] = [];
  let position = after;
  let read = 0;
  let bytes = 0;
  const range = { start: encodeAddress(after + 1, 0), end: encodeAddress(upTo + 1, 0) };
  for (const key of tables.log.getKeys(range)) {
    const { revision } = decodeAddress(key);
    if (revision !== position && (read >= logPieceSize || bytes >= logPieceBytes)) return { events, position };
    position = revision;
    read++;
    const record = peekLog(tables, key);
    if (!record?.key.startsWith(prefix)) continue;
    bytes += record.value?.length ?? 0;
    const value = record.value && Buffer.from(record.value);
    const kv = keyValueOf({ ...record, value }, revision);
    const previous = record.createRevision === revision ? undefined : readKeyValue(tables, record.previous);
    if (kv) events.push({ type: 'put', kv, previous, revision });
    else if (previous) events.push({ type: 'delete', key: record.key, previous, revision });
  }
  return { events, position: upTo };
}

/** A log record whose value is valid only until the next read: nothing is copied for a reader that skips it. */
export function peekLog(tables: Tables, address: Buffer): LogRecord | undefined {
  const bytes = tables.log.getBinaryFast(address);
  return bytes && decodeLogRecord(address, bytes);
}

/** The first possible key after this one. */
const next = (key: Buffer): Buffer => Buffer.concat([key, Buffer.from([0])]);
