/**
 * The tables of the embedded store, and how revisions hang together in them.
 *
 *   index     key → address of the txn that wrote the current value, createRevision
 *   deleted   key → address of its deletion, while that is not compacted
 *   log       address (revision, number within it) → put or delete: key, value, address of what it replaced (`previous`)
 *   meta      `revision`: newest; `oldest`: oldest readable; `swept`: address up to which compaction has cleaned the log
 *
 *   index["/a"] ──▶ log[7.0] put "/a" v3 ──previous──▶ log[5.0] put "/a" v2 ──previous──▶ log[2.0] put "/a" v1
 *   deleted["/b"] ─▶ log[6.0] delete "/b" ──previous──▶ log[3.0] put "/b" v1
 *
 * Values stand in the log only. The newest state is read through `index`; the state of revision R by following `previous`
 * until an address ≤ R; a watch reads the log onwards from its revision, and finds each event's old value at `previous`.
 *
 * Compaction to revision C:
 *
 *   READABLE      oldest = C is durable first: nothing asks for a state before C, or for events ≤ C, from then on
 *      │
 *   SWEEPING      each log entry with an address ≤ C, once, in order: what it replaced is removed, a deletion removes itself
 *      │          and its row in `deleted`; `swept` moves along in the same commit, so a crash goes on where it stopped
 *      ▼
 *   SWEPT         of the log up to C there remain the values that are current at C
 */
import type { Database, RootDatabase } from 'lmdb';

export type Table = Database<Buffer, Buffer>;

export interface Tables {
  root: RootDatabase<Buffer, Buffer>;
  index: Table;
  deleted: Table;
  log: Table;
  meta: Table;
}

export interface Address {
  revision: number;
  sub: number;
}

export interface IndexEntry extends Address {
  createRevision: number;
}

export interface LogRecord {
  key: string;
  /** Undefined for a deletion. */
  value: Buffer | undefined;
  createRevision: number;
  /** Revision 0: nothing before it. */
  previous: Address;
}

export const addressBytes = 10;

/** Big-endian, so that byte order is the order of revisions. Revisions stay below 2^48. */
export function encodeAddress(revision: number, sub: number): Buffer {
  const buffer = Buffer.allocUnsafe(addressBytes);
  buffer.writeUIntBE(revision, 0, 6);
  buffer.writeUInt32BE(sub, 6);
  return buffer;
}

export function decodeAddress(buffer: Buffer): Address {
  return { revision: buffer.readUIntBE(0, 6), sub: buffer.readUInt32BE(6) };
}

export function encodeIndexEntry(entry: IndexEntry): Buffer {
  const buffer = Buffer.allocUnsafe(16);
  buffer.writeUIntBE(entry.revision, 0, 6);
  buffer.writeUInt32BE(entry.sub, 6);
  buffer.writeUIntBE(entry.createRevision, 10, 6);
  return buffer;
}

export function decodeIndexEntry(buffer: Buffer): IndexEntry {
  return {
    revision: buffer.readUIntBE(0, 6),
    sub: buffer.readUInt32BE(6),
    createRevision: buffer.readUIntBE(10, 6),
  };
}

export function encodeRevision(revision: number): Buffer {
  const buffer = Buffer.allocUnsafe(6);
  buffer.writeUIntBE(revision, 0, 6);
  return buffer;
}

export const decodeRevision = (buffer: Buffer | undefined): number => (buffer ? buffer.readUIntBE(0, 6) : 0);

// type 1 | createRevision 6 | previous 10 | key length 2 | key | value
const headerBytes = 19;

export function encodeLogRecord(record: LogRecord): Buffer {
  const keyBytes = Buffer.byteLength(record.key);
  const buffer = Buffer.allocUnsafe(headerBytes + keyBytes + (record.value?.length ?? 0));
  buffer[0] = record.value === undefined ? 0 : 1;
  buffer.writeUIntBE(record.createRevision, 1, 6);
  buffer.writeUIntBE(record.previous.revision, 7, 6);
  buffer.writeUInt32BE(record.previous.sub, 13);
  buffer.writeUInt16BE(keyBytes, 17);
  buffer.write(record.key, headerBytes);
  record.value?.copy(buffer, headerBytes + keyBytes);
  return buffer;
}

/** The value shares the buffer's memory. */
export function decodeLogRecord(buffer: Buffer): LogRecord {
  const keyEnd = headerBytes + buffer.readUInt16BE(17);
  return {
    key: buffer.toString('utf8', headerBytes, keyEnd),
    value: buffer[0] === 1 ? buffer.subarray(keyEnd) : undefined,
    createRevision: buffer.readUIntBE(1, 6),
    previous: { revision: buffer.readUIntBE(7, 6), sub: buffer.readUInt32BE(13) },
  };
}

export const metaKeys = {
  revision: Buffer.from('revision'),
  oldest: Buffer.from('oldest'),
  swept: Buffer.from('swept'),
} as const;

/** The end (exclusive) of all keys that begin with `prefix`; undefined: no end. UTF-8 has no byte 0xFF. */
export function prefixEnd(prefix: Buffer): Buffer | undefined {
  return prefix.length === 0 ? undefined : Buffer.concat([prefix, Buffer.from([0xff])]);
}
