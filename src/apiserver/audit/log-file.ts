/** The audit log as a file that is rotated by size, or stdout: one event a line. */
import {
  closeSync,
  createReadStream,
  createWriteStream,
  constants as fs,
  mkdirSync,
  openSync,
  statSync,
} from 'node:fs';
import { type FileHandle, open, readdir, rename, unlink } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Clock } from '../../apimachinery/clock.ts';
import type { AuditOutput } from './delivery.ts';
import { type AuditFormat, lineOf } from './event-format.ts';

export interface LogFileOptions {
  /** `-`: stdout. */
  path: string;
  format: AuditFormat;
  /** Rotated before it grows beyond. */
  maxSizeBytes: number;
  /** Files of the past to keep; 0: no limit. */
  maxBackups: number;
  /** Files of the past are deleted when older; 0: never. */
  maxAgeMs: number;
  /** Files of the past are compressed with gzip. */
  compress: boolean;
}

export const openLog = (options: LogFileOptions, clock: Clock): AuditOutput =>
  options.path === '-' ? stdoutOutput(options.format) : fileOutput(options, clock);

function stdoutOutput(format: AuditFormat): AuditOutput {
  return {
    write: (events) =>
      new Promise((resolve, reject) =>
        process.stdout.write(events.map((event) => lineOf(event, format)).join(''), (error) =>
          error ? reject(error) : resolve(),
        ),
      ),
    close: async () => undefined,
  };
}

/** Throws when nothing can be appended to a file of this name. Waits for nothing: not for the reader of a pipe either. */
export function checkLogFile(path: string): void {
  if (path === '-') return;
  makeFolder(dirname(resolve(path)));
  closeSync(openSync(path, appending, 0o600));
}

/** Milliseconds until a full pipe is tried again. */
const pipeInterval = 50;

/** With reading, and without waiting: the other end of a pipe may not be there. */
const appending = fs.O_CREAT | fs.O_APPEND | fs.O_RDWR | fs.O_NONBLOCK;

/** Node's own `recursive` never ends where a folder is there and takes no other, as those under /proc. */
function makeFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false }) !== undefined) return;
  if (dirname(folder) !== folder) makeFolder(dirname(folder));
  mkdirSync(folder, { mode: 0o700 });
}

/** The file is opened with the first line, and again after a failed write: the disk may have room, the folder be there. */
function fileOutput(options: LogFileOptions, clock: Clock): AuditOutput {
  const { path, maxSizeBytes } = options;
  let file: FileHandle | undefined;
  let size = 0;
  let mode = 0o600;
  /** Devices and pipes are not. */
  let rotates = false;
  /** A failed write may have left half a line. */
  let torn = false;
  let tidying = Promise.resolve();

  /** Beside the writes: compressing takes its time. */
  function tidy(): void {
    tidying = tidying
      .then(() => tidyBackups(options, clock))
      .catch((error) => {
        process.stderr.write(`apiserver: audit: old files of ${path} cannot be tidied up: ${String(error)}\n`);
      });
  }

  async function opened(): Promise<FileHandle> {
    if (file !== undefined) return file;
    makeFolder(dirname(resolve(path)));
    file = await open(path, appending, mode);
    const stat = await file.stat();
    size = stat.size;
    mode = stat.mode & 0o777;
    rotates = stat.isFile();
    if (rotates) tidy();
    return file;
  }

  async function close(): Promise<void> {
    const old = file;
    file = undefined;
    await old?.close();
  }

  async function append(data: Buffer): Promise<void> {
    let target = await opened();
    if (rotates && size > 0 && size + data.length > maxSizeBytes) {
      await close();
      await rename(path, backupName(path, clock.now()));
      target = await opened();
      torn = false;
    }
    await writeAll(target, torn ? Buffer.concat([Buffer.from('\n'), data]) : data);
    size += data.length;
    torn = false;
  }

  /** A pipe that nobody empties takes nothing for a while. */
  async function writeAll(target: FileHandle, data: Buffer): Promise<void> {
    for (let written = 0; written < data.length; ) {
      try {
        written += (await target.write(data, written)).bytesWritten;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || target !== file) throw error;
        await clock.sleep(pipeInterval);
      }
    }
  }

  return {
    async write(events) {
      try {
        for (const piece of pieces(events, options)) await append(Buffer.from(piece));
      } catch (error) {
        torn = true;
        await close().catch(() => undefined);
        throw error;
      }
    },
    async close() {
      await close();
      await tidying;
    },
  };
}

/** Lines together, as many as a file takes. */
function* pieces(events: readonly string[], { format, maxSizeBytes }: LogFileOptions): Generator<string> {
  let piece = '';
  for (const event of events) {
    const line = lineOf(event, format);
    if (piece !== '' && piece.length + line.length > maxSizeBytes) {
      yield piece;
      piece = '';
    }
    piece += line;
  }
  if (piece !== '') yield piece;
}

/** `audit.log` → `audit-2026-01-02T03-04-05.678.log`. */
function backupName(path: string, now: number): string {
  const { stem, extension } = partsOf(path);
  return join(dirname(path), `${stem}-${new Date(now).toISOString().replace(/:/g, '-').slice(0, -1)}${extension}`);
}

function partsOf(path: string): { stem: string; extension: string } {
  const extension = extname(path);
  return { stem: basename(path, extension), extension };
}

interface Backup {
  /** Without `.gz`. */
  name: string;
  at: number;
  /** As they stand in the folder: of one that was being compressed when the server ended, two. */
  files: string[];
}

/** Deletes those too many and too old, and compresses the rest. */
async function tidyBackups({ path, maxBackups, maxAgeMs, compress }: LogFileOptions, clock: Clock): Promise<void> {
  const folder = dirname(path);
  const backups = await backupsOf(path);
  for (const [index, { at, name, files }] of backups.entries()) {
    if ((maxBackups > 0 && index >= maxBackups) || (maxAgeMs > 0 && clock.now() - at > maxAgeMs))
      for (const file of files) await unlink(join(folder, file));
    else if (compress && files.includes(name)) await compressFile(join(folder, name));
  }
}

/** The newest first. */
async function backupsOf(path: string): Promise<Backup[]> {
  const { stem, extension } = partsOf(path);
  const found = new Map<string, Backup>();
  for (const file of await readdir(dirname(path))) {
    const name = file.endsWith('.gz') ? file.slice(0, -3) : file;
    const at = backupTime(name, stem, extension);
    if (at === undefined) continue;
    const backup = found.get(name) ?? { name, at, files: [] };
    backup.files.push(file);
    found.set(name, backup);
  }
  return [...found.values()].sort((a, b) => b.at - a.at);
}

/** What is compressed only in part stands beside the whole, and is written over next time. */
async function compressFile(path: string): Promise<void> {
  const { mode } = statSync(path);
  await pipeline(
    createReadStream(path),
    createGzip(),
    createWriteStream(`${path}.gz`, { mode: mode & 0o777, flush: true }),
  );
  await unlink(path);
}

function backupTime(name: string, stem: string, extension: string): number | undefined {
  if (!name.startsWith(`${stem}-`) || !name.endsWith(extension)) return undefined;
  const match = /^(\d{4}-\d\d-\d\dT)(\d\d)-(\d\d)-(\d\d\.\d{3})$/.exec(
    name.slice(stem.length + 1, name.length - extension.length),
  );
  return match === null ? undefined : Date.parse(`${match[1]}${match[2]}:${match[3]}:${match[4]}Z`);
}
