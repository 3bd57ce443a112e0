/**
 * The file a snapshot is kept in: the newest state of every key, nothing of the past.
 *
 *   header    one line of JSON: what it is, format, revision, when it was made
 *   records   length (4 bytes) | address of the write (10) | row of the log, with its checksum (tables.ts)
 *   end       length 0, then the number of records (6)
 *   SHA-256   of everything before it
 */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, fsyncSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Address, addressBytes, decodeAddress, decodeLogRecord, encodeAddress, type LogRecord } from './tables.ts';

const kind = 'karmada-store-snapshot';
const formatVersion = 1;
const digestBytes = 32;
const endBytes = 4 + 6;
const blockBytes = 1 << 20;
/** No record is longer: objects are limited far below. */
const maxRecordBytes = 64 << 20;

export interface SnapshotHeader {
  kind: typeof kind;
  format: number;
  /** Newest revision of the store it was made from. */
  revision: number;
  /** RFC 3339. */
  created: string;
}

/** The file cannot be written or used; the message says why. */
export class SnapshotError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SnapshotError';
  }
}

export interface SnapshotSummary {
  revision: number;
  keys: number;
  bytes: number;
  /** Hex. */
  sha256: string;
}

/** Writes beside `path` first, and puts it in place, durable, once it is complete. Rows are encoded log records. */
export function writeSnapshot(
  path: string,
  revision: number,
  created: Date,
  rows: Iterable<{ address: Address; row: Buffer }>,
): SnapshotSummary {
  const part = `${path}.part`;
  rmSync(part, { force: true });
  const file = openSync(part, 'wx', 0o600);
  try {
    const hash = createHash('sha256');
    let bytes = 0;
    let block: Buffer[] = [];
    let blockLength = 0;
    const flush = (): void => {
      const data = Buffer.concat(block, blockLength);
      hash.update(data);
      writeAll(file, data);
      bytes += data.length;
      block = [];
      blockLength = 0;
    };
    const add = (...parts: Buffer[]): void => {
      for (const data of parts) {
        block.push(data);
        blockLength += data.length;
      }
      if (blockLength >= blockBytes) flush();
    };
    const header: SnapshotHeader = { kind, format: formatVersion, revision, created: created.toISOString() };
    add(Buffer.from(`${JSON.stringify(header)}\n`));
    let keys = 0;
    for (const { address, row } of rows) {
      const length = Buffer.allocUnsafe(4);
      length.writeUInt32BE(addressBytes + row.length);
      add(length, encodeAddress(address.revision, address.sub), row);
      keys++;
    }
    const end = Buffer.alloc(endBytes);
    end.writeUIntBE(keys, 4, 6);
    add(end);
    flush();
    const digest = hash.digest();
    writeAll(file, digest);
    fsyncSync(file);
    renameSync(part, path);
    syncFolder(dirname(path));
    return { revision, keys, bytes: bytes + digestBytes, sha256: digest.toString('hex') };
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
}

export interface SnapshotReader {
  readonly header: SnapshotHeader;
  readonly summary: SnapshotSummary;
  records(): IterableIterator<{ address: Address; record: LogRecord }>;
}

/** Checks the whole file before anything of it is used. Throws SnapshotError. */
export async function readSnapshot<T>(path: string, use: (snapshot: SnapshotReader) => Promise<T>): Promise<T> {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (cause) {
    throw new SnapshotError(`cannot read the snapshot ${path}: ${(cause as Error).message}`, { cause });
  }
  try {
    const bytes = fstatSync(file).size;
    const end = bytes - digestBytes;
    const wrong = (what: string): SnapshotError => new SnapshotError(`the snapshot ${path} is not usable: ${what}`);
    const read = (at: number, length: number): Buffer => {
      const data = Buffer.allocUnsafe(length);
      if (at + length > bytes || readSync(file, data, 0, length, at) < length) throw wrong('it is cut off');
      return data;
    };
    const { header, length: headerLength } = readHeader(read(0, Math.min(bytes, 4096)), wrong);
    if (end < headerLength + endBytes) throw wrong('it is cut off');
    const hash = createHash('sha256');
    for (let at = 0; at < end; at += blockBytes) hash.update(read(at, Math.min(blockBytes, end - at)));
    const digest = hash.digest();
    if (!digest.equals(read(end, digestBytes))) throw wrong('its checksum does not match, it is damaged or cut off');
    const keys = read(end - 6, 6).readUIntBE(0, 6);
    return await use({
      header,
      summary: { revision: header.revision, keys, bytes, sha256: digest.toString('hex') },
      *records() {
        let at = headerLength;
        for (let n = 0; n < keys; n++) {
          const length = read(at, 4).readUInt32BE();
          if (length <= addressBytes || length > maxRecordBytes) throw wrong(`its record ${n} has ${length} bytes`);
          const data = read(at + 4, length);
          const address = data.subarray(0, addressBytes);
          yield { address: decodeAddress(address), record: decodeLogRecord(address, data.subarray(addressBytes)) };
          at += 4 + length;
        }
        if (at !== end - endBytes) throw wrong('it has more records than it says itself');
      },
    });
  } finally {
    closeSync(file);
  }
}

function readHeader(start: Buffer, wrong: (what: string) => SnapshotError) {
  const lineEnd = start.indexOf(0x0a);
  let header: Partial<SnapshotHeader>;
  try {
    header = JSON.parse(start.toString('utf8', 0, Math.max(lineEnd, 0))) as Partial<SnapshotHeader>;
  } catch {
    throw wrong('it is not a snapshot of a store');
  }
  if (header.kind !== kind || !Number.isSafeInteger(header.revision)) throw wrong('it is not a snapshot of a store');
  if (header.format !== formatVersion) throw wrong(`it has format ${header.format}, this build reads ${formatVersion}`);
  return { header: header as SnapshotHeader, length: lineEnd + 1 };
}

function writeAll(file: number, data: Buffer): void {
  for (let at = 0; at < data.length; ) at += writeSync(file, data, at);
}

function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
