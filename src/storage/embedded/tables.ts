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
 * Every row ends in a CRC-32 over its key and what is before it: a damaged row is an error where it is read, never a value.
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
import { crc32 } from 'node:zlib';
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

export function encodeIndexEntry(key: Buffer, entry: IndexEntry): Buffer {
  const buffer = Buffer.allocUnsafe(16 + checksumBytes);
  buffer.writeUIntBE(entry.revision, 0, 6);
  buffer.writeUInt32BE(entry.sub, 6);
  buffer.writeUIntBE(entry.createRevision, 10, 6);
  return seal(key, buffer);
}

export function decodeIndexEntry(key: Buffer, row: Buffer): IndexEntry {
  unseal(key, row, 16);
  return { revision: row.readUIntBE(0, 6), sub: row.readUInt32BE(6), createRevision: row.readUIntBE(10, 6) };
}

/** A row of `deleted`. */
export function encodeTombstone(key: Buffer, address: Address): Buffer {
  return seal(key, Buffer.concat([encodeAddress(address.revision, address.sub), Buffer.alloc(checksumBytes)]));
}

export const decodeTombstone = (key: Buffer, row: Buffer): Address => decodeAddress(unseal(key, row, addressBytes));

export function encodeRevision(key: Buffer, revision: number): Buffer {
  const buffer = Buffer.allocUnsafe(6 + checksumBytes);
  buffer.writeUIntBE(revision, 0, 6);
  return seal(key, buffer);
}

export const decodeRevision = (key: Buffer, row: Buffer | undefined): number =>
  row ? unseal(key, row, 6).readUIntBE(0, 6) : 0;

/** `swept` is kept as an address. */
export const encodeSwept = (address: Buffer): Buffer => encodeTombstone(metaKeys.swept, decodeAddress(address));
export const decodeSwept = (row: Buffer): Address => decodeTombstone(metaKeys.swept, row);

// type 1 | createRevision 6 | previous 10 | key length 2 | key | value | checksum 4
const headerBytes = 19;

export function encodeLogRecord(address: Buffer, record: LogRecord): Buffer {
  const keyBytes = Buffer.byteLength(record.key);
  const buffer = Buffer.allocUnsafe(headerBytes + keyBytes + (record.value?.length ?? 0) + checksumBytes);
  buffer[0] = record.value === undefined ? 0 : 1;
  buffer.writeUIntBE(record.createRevision, 1, 6);
  buffer.writeUIntBE(record.previous.revision, 7, 6);
  buffer.writeUInt32BE(record.previous.sub, 13);
  buffer.writeUInt16BE(keyBytes, 17);
  buffer.write(record.key, headerBytes);
  record.value?.copy(buffer, headerBytes + keyBytes);
  return seal(address, buffer);
}

/** The value shares the buffer's memory. */
export function decodeLogRecord(address: Buffer, row: Buffer): LogRecord {
  const bytes = unseal(address, row);
  const keyEnd = headerBytes + bytes.readUInt16BE(17);
  return {
    key: bytes.toString('utf8', headerBytes, keyEnd),
    value: bytes[0] === 1 ? bytes.subarray(keyEnd) : undefined,
    createRevision: bytes.readUIntBE(1, 6),
    previous: { revision: bytes.readUIntBE(7, 6), sub: bytes.readUInt32BE(13) },
  };
}

/** The value of that length in an encoded record. */
export const valueIn = (row: Buffer, length: number): Buffer =>
  row.subarray(row.length - checksumBytes - length, row.length - checksumBytes);

const checksumBytes = 4;

/** What the disk gives back is not what was written. */
export class DamagedRowError extends Error {
  constructor(key: Buffer) {
    super(`storage: the row ${describeKey(key)} is damaged on disk: its checksum does not match`);
    this.name = 'DamagedRowError';
  }
}

/** Puts the checksum into the last bytes. 0.7 µs for a value of 2 KB. */
function seal(key: Buffer, row: Buffer): Buffer {
  const end = row.length - checksumBytes;
  row.writeUInt32BE(crc32(row.subarray(0, end), crc32(key)), end);
  return row;
}

/** The row without its checksum. `length` is what it must have, where that is fixed. */
function unseal(key: Buffer, row: Buffer, length?: number): Buffer {
  const end = row.length - checksumBytes;
  if (end < 0 || (length !== undefined && end !== length)) throw new DamagedRowError(key);
  const bytes = row.subarray(0, end);
  if (crc32(bytes, crc32(key)) !== row.readUInt32BE(end)) throw new DamagedRowError(key);
  return bytes;
}

/** Throws DamagedRowError. */
export function checkRow(key: Buffer, row: Buffer): void {
  unseal(key, row);
}

const describeKey = (key: Buffer): string =>
  key.length === addressBytes && key[0] === 0 ? `of revision ${key.readUIntBE(0, 6)}` : JSON.stringify(key.toString());

export const metaKeys = {
  revision: Buffer.from('revision'),
  oldest: Buffer.from('oldest'),
  swept: Buffer.from('swept'),
} as const;

/** The end (exclusive) of all keys that begin with `prefix`; undefined: no end. UTF-8 has no byte 0xFF. */
export function prefixEnd(prefix: Buffer): Buffer | undefined {
  return prefix.length === 0 ? undefined : Buffer.concat([prefix, Buffer.from([0xff])]);
}
