/**
 * The directory of a store:
 *
 *   data.mdb, data.mdb-lock   LMDB's files
 *   format.json               written last, so a directory without it was never acknowledged to anybody
 *   owner.json                who holds it, for messages; the lock itself is in the kernel
 */
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { acquireDirectoryLock } from './directory-lock.ts';

/** Tables and encodings of tables.ts. A build reads its own format only. */
const formatVersion = 1;

/** The directory cannot be used; the message says why and what to do. */
export class StoreDirectoryError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreDirectoryError';
  }
}

export interface StoreDirectory {
  readonly path: string;
  readonly dataFile: string;
  /** Called once the tables are open, with their newest revision: writes the format file of a new store. */
  complete(revision: number): void;
  release(): Promise<void>;
}

/** Locks a directory and checks what is in it. `name` is used in messages. */
export async function openDirectory(directory: string, name: string): Promise<StoreDirectory> {
  const path = resolve(directory);
  makeDirectory(path, name);
  const lock = await acquireDirectoryLock(path).catch((cause: unknown) => {
    throw new StoreDirectoryError(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  });
  try {
    const isNew = checkContents(path, name);
    const dataFile = join(path, 'data.mdb');
    return {
      path,
      dataFile,
      complete(revision) {
        if (!isNew) return;
        if (revision > 0) throw damaged(path, name, 'format.json is missing beside a store that has data');
        writeDurably(path, 'format.json', `${JSON.stringify({ format: formatVersion, id: randomUUID() })}\n`);
      },
      release: () => lock.release(),
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

function makeDirectory(path: string, name: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new StoreDirectoryError(`${name}: cannot make the directory ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** True for a store yet to be made. Throws on anything but a complete store, an empty directory, or a start that was interrupted. */
function checkContents(path: string, name: string): boolean {
  const formatFile = join(path, 'format.json');
  const dataFile = join(path, 'data.mdb');
  if (!existsSync(formatFile)) {
    if (existsSync(dataFile)) {
      if (statSync(dataFile).size > 0) checkDataFile(dataFile, path, name);
    } else {
      const foreign = readdirSync(path).filter((file) => !ownFiles.has(file));
      if (foreign.length > 0)
        throw new StoreDirectoryError(
          `${name}: ${path} holds other files (${foreign.slice(0, 3).join(', ')}) and no store; choose an empty directory`,
        );
    }
    return true;
  }
  const format = readFormat(formatFile, path, name);
  if (format !== formatVersion)
    throw new StoreDirectoryError(
      `${name}: the store in ${path} has format ${format}, this build reads format ${formatVersion}; ` +
        'start the build that wrote it, or move the directory away to begin with an empty store',
    );
  if (!existsSync(dataFile)) throw damaged(path, name, 'data.mdb is missing');
  checkDataFile(dataFile, path, name);
  return false;
}

const ownFiles = new Set(['owner.json', 'format.json', 'format.json.tmp', 'data.mdb', 'data.mdb-lock', 'lock.mdb']);

function readFormat(file: string, path: string, name: string): unknown {
  try {
    const content = JSON.parse(readFileSync(file, 'utf8')) as { format?: unknown };
    return content.format;
  } catch (cause) {
    throw damaged(path, name, 'format.json cannot be read', cause);
  }
}

/**
 * LMDB maps the file and would crash the process on pages that are not there, so an incomplete copy is found out first:
 * either of the two meta pages names the last page in use.
 */
function checkDataFile(file: string, path: string, name: string): void {
  const size = statSync(file).size;
  const first = readMeta(file, 0);
  if (first === undefined) throw damaged(path, name, 'data.mdb is not a store file');
  const second = readMeta(file, first.pageSize);
  const newest = second && second.transaction > first.transaction ? second : first;
  if ((newest.lastPage + 1n) * BigInt(first.pageSize) > BigInt(size))
    throw damaged(path, name, `data.mdb is cut off at ${size} bytes`);
}

/** The fields of an LMDB meta page: page header of 24 bytes, then MDB_meta. */
function readMeta(file: string, offset: number) {
  const page = Buffer.alloc(168);
  const descriptor = openSync(file, 'r');
  try {
    if (readSync(descriptor, page, 0, page.length, offset) < page.length) return undefined;
  } finally {
    closeSync(descriptor);
  }
  const meta = 24;
  if (page.readUInt32LE(meta) !== 0xbeefc0de) return undefined;
  return {
    pageSize: page.readUInt32LE(meta + 24),
    lastPage: page.readBigUInt64LE(meta + 120),
    transaction: page.readBigUInt64LE(meta + 128),
  };
}

function damaged(path: string, name: string, what: string, cause?: unknown): StoreDirectoryError {
  return new StoreDirectoryError(
    `${name}: the store in ${path} is incomplete (${what}); restore the directory from a backup, ` +
      'or move it away to begin with an empty store',
    cause === undefined ? undefined : { cause },
  );
}

function writeDurably(directory: string, name: string, content: string): void {
  const temporary = join(directory, `${name}.tmp`);
  rmSync(temporary, { force: true });
  const file = openSync(temporary, 'wx', 0o600);
  try {
    writeSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(temporary, join(directory, name));
  const folder = openSync(directory, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
