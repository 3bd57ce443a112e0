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
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { acquireDirectoryLock, DirectoryInUseError } from './directory-lock.ts';
import { checkPages, PageError } from './page-check.ts';
import { DamagedRowError } from './tables.ts';

/** Tables and encodings of tables.ts. A build reads its own format only. */
const formatVersion = 2;

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

export interface DirectoryOptions {
  /** Named in error messages, when several stores run on one machine. */
  name: string;
  /** What to do with a damaged directory: words that follow a semicolon. */
  restoreHint?: string;
}

/** Locks a directory and checks what is in it. */
export async function openDirectory(directory: string, options: DirectoryOptions): Promise<StoreDirectory> {
  const { name } = options;
  const path = resolve(directory);
  makeDirectory(path, name);
  const lock = await acquireDirectoryLock(path).catch((cause: unknown) => {
    throw new StoreDirectoryError(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  });
  try {
    const isNew = checkContents(path, options);
    const dataFile = join(path, 'data.mdb');
    return {
      path,
      dataFile,
      complete(revision) {
        if (!isNew) return;
        if (revision > 0) throw damaged(path, options, 'format.json is missing beside a store that has data');
        writeDurably(path, 'format.json', `${JSON.stringify({ format: formatVersion, id: randomUUID() })}\n`);
      },
      release: () => lock.release(),
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/**
 * The data file of a complete store, for a reader beside its owner. Without an owner everything is checked; an owner has done
 * so at its start. Throws StoreDirectoryError.
 */
export async function findDataFile(directory: string, options: DirectoryOptions): Promise<string> {
  const { name } = options;
  const path = resolve(directory);
  if (!existsSync(join(path, 'format.json'))) throw new StoreDirectoryError(`${name}: there is no store in ${path}`);
  try {
    const lock = await acquireDirectoryLock(path);
    try {
      checkContents(path, options);
    } finally {
      await lock.release();
    }
  } catch (error) {
    if (!(error instanceof DirectoryInUseError)) throw error;
    checkFormat(path, options);
  }
  return join(path, 'data.mdb');
}

function makeDirectory(path: string, name: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new StoreDirectoryError(`${name}: cannot make the directory ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** True for a store yet to be made. Throws on anything but a complete store, an empty directory, or a start that was interrupted. */
function checkContents(path: string, options: DirectoryOptions): boolean {
  const { name } = options;
  const formatFile = join(path, 'format.json');
  const dataFile = join(path, 'data.mdb');
  if (!existsSync(formatFile)) {
    if (existsSync(dataFile)) {
      if (statSync(dataFile).size > 0) checkDataFile(dataFile, path, options);
    } else {
      const foreign = readdirSync(path).filter((file) => !ownFiles.has(file));
      if (foreign.length > 0)
        throw new StoreDirectoryError(
          `${name}: ${path} holds other files (${foreign.slice(0, 3).join(', ')}) and no store; choose an empty directory`,
        );
    }
    return true;
  }
  checkFormat(path, options);
  if (!existsSync(dataFile)) throw damaged(path, options, 'data.mdb is missing');
  checkDataFile(dataFile, path, options);
  return false;
}

function checkFormat(path: string, options: DirectoryOptions): void {
  const { name } = options;
  const format = readFormat(join(path, 'format.json'), path, options);
  if (format !== formatVersion)
    throw new StoreDirectoryError(
      `${name}: the store in ${path} has format ${format}, this build reads format ${formatVersion}; ` +
        'start the build that wrote it, or move the directory away to begin with an empty store',
    );
}

const ownFiles = new Set(['owner.json', 'format.json', 'format.json.tmp', 'data.mdb', 'data.mdb-lock', 'lock.mdb']);

function readFormat(file: string, path: string, options: DirectoryOptions): unknown {
  try {
    const content = JSON.parse(readFileSync(file, 'utf8')) as { format?: unknown };
    return content.format;
  } catch (cause) {
    throw damaged(path, options, 'format.json cannot be read', cause);
  }
}

/** What is damaged is found out before LMDB maps the file. */
function checkDataFile(file: string, path: string, options: DirectoryOptions): void {
  try {
    checkPages(file);
  } catch (error) {
    if (error instanceof PageError || error instanceof DamagedRowError)
      throw damaged(path, options, `data.mdb: ${error.message}`, error);
    throw error;
  }
}

function damaged(
  path: string,
  { name, restoreHint = 'restore the directory from a backup' }: DirectoryOptions,
  what: string,
  cause?: unknown,
): StoreDirectoryError {
  return new StoreDirectoryError(
    `${name}: the store in ${path} is damaged (${what}); ${restoreHint}, or move it away to begin with an empty store`,
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
