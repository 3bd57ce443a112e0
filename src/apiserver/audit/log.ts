/**
 * The audit log: lines appended to a file that is rotated by size, or to stdout. Lines that come while one write is under way go out together
 * with the next. A log that cannot be written holds up nobody for long and never in silence: what it loses is counted and told.
 */
import { type FileHandle, mkdir, open, readdir, rename, unlink } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import type { Clock } from '../../apimachinery/clock.ts';

/** `batch`: nobody waits for a write. `blocking`: a reply waits for it. `blocking-strict`: besides, what cannot be logged is not served. */
export const auditLogModes = ['batch', 'blocking', 'blocking-strict'] as const;
export type AuditLogMode = (typeof auditLogModes)[number];

export interface AuditLogOptions {
  /** `-`: stdout. */
  path: string;
  mode: AuditLogMode;
  /** Rotated before it grows beyond. */
  maxSizeBytes: number;
  /** Files of the past to keep; 0: no limit. */
  maxBackups: number;
  /** Files of the past are deleted when older; 0: never. */
  maxAgeMs: number;
  /** Lines that may wait for a write. */
  bufferSize: number;
  /** Longer lines go without their objects. */
  maxEventBytes: number;
  clock: Clock;
  /** Events that are lost, and why. */
  onLost(count: number, why: unknown): void;
}

export interface AuditLog {
  readonly strict: boolean;
  /**
   * Resolves when the line is written, or at once where nobody waits; rejects when it is lost and that counts. `line` is asked again
   * without the bodies of the request when it is too long with them.
   */
  write(line: (bodies: boolean) => string): Promise<void>;
  /** Writes what waits. */
  close(): Promise<void>;
}

/** Of lines that wait. */
const maxWaitingBytes = 64 * 1024 * 1024;
/** How long a write may hold up replies. */
const patience = 10_000;

interface Waiting {
  line: string;
  settle: { resolve(): void; reject(why: unknown): void } | undefined;
}

export function createAuditLog(
  options: AuditLogOptions,
  output: AuditOutput = options.path === '-' ? stdoutOutput() : fileOutput(options),
): AuditLog {
  const { mode, bufferSize, clock, onLost } = options;
  let waiting: Waiting[] = [];
  let waitingBytes = 0;
  let running: Promise<void> | undefined;
  /** A write has not come back in time: nobody waits until one does. */
  let stuck = false;

  function lose(lines: readonly Waiting[], why: unknown): void {
    onLost(lines.length, why);
    for (const { settle } of lines) settle?.reject(why);
  }

  async function flush(): Promise<void> {
    while (waiting.length > 0) {
      const lines = waiting;
      waiting = [];
      waitingBytes = 0;
      const timer = clock.setTimeout(() => {
        stuck = true;
        const why = new Error(`the audit log has not taken what was written for ${patience / 1000} s`);
        for (const { settle } of lines) settle?.reject(why);
        onLost(0, why);
      }, patience);
      try {
        await output.write(Buffer.from(lines.map(({ line }) => line).join('')));
        for (const { settle } of lines) settle?.resolve();
      } catch (error) {
        lose(lines, error);
      } finally {
        timer.cancel();
        stuck = false;
      }
    }
    running = undefined;
  }

  return {
    strict: mode === 'blocking-strict',
    write(make) {
      let line = make(true);
      if (line.length > options.maxEventBytes) line = make(false);
      const full = waiting.length >= bufferSize || waitingBytes + line.length > maxWaitingBytes;
      if (full || (stuck && mode === 'blocking-strict')) {
        const why = new Error('the audit log takes no more: too much waits to be written');
        onLost(1, why);
        return mode === 'batch' ? Promise.resolve() : Promise.reject(why);
      }
      waitingBytes += line.length;
      const written =
        mode === 'batch' || stuck
          ? void waiting.push({ line, settle: undefined })
          : new Promise<void>((resolve, reject) => waiting.push({ line, settle: { resolve, reject } }));
      running ??= Promise.resolve().then(flush);
      return written ?? Promise.resolve();
    },
    async close() {
      await running;
      await output.close();
    },
  };
}

/** Where bytes go. */
export interface AuditOutput {
  write(data: Buffer): Promise<void>;
  close(): Promise<void>;
}

function stdoutOutput(): AuditOutput {
  return {
    write: (data) =>
      new Promise((resolve, reject) => process.stdout.write(data, (error) => (error ? reject(error) : resolve()))),
    close: async () => undefined,
  };
}

/** The file is opened with the first line, and again after a failed write: the disk may have room, the folder be there. */
function fileOutput(options: AuditLogOptions): AuditOutput {
  const { path, maxSizeBytes, clock } = options;
  let file: FileHandle | undefined;
  let size = 0;
  /** A failed write may have left half a line. */
  let torn = false;

  async function opened(): Promise<FileHandle> {
    if (file !== undefined) return file;
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    file = await open(path, 'a', 0o600);
    size = (await file.stat()).size;
    return file;
  }

  async function close(): Promise<void> {
    const old = file;
    file = undefined;
    await old?.close();
  }

  return {
    async write(data) {
      try {
        let target = await opened();
        if (size > 0 && size + data.length > maxSizeBytes) {
          await close();
          await rename(path, backupName(path, clock.now()));
          await prune(options);
          target = await opened();
          torn = false;
        }
        await target.appendFile(torn ? Buffer.concat([Buffer.from('\n'), data]) : data);
        size += data.length;
        torn = false;
      } catch (error) {
        torn = true;
        await close().catch(() => undefined);
        throw error;
      }
    },
    close,
  };
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

async function prune({ path, maxBackups, maxAgeMs, clock }: AuditLogOptions): Promise<void> {
  const { stem, extension } = partsOf(path);
  const backups = (await readdir(dirname(path)))
    .map((name) => ({ name, at: backupTime(name, stem, extension) }))
    .filter((backup): backup is { name: string; at: number } => backup.at !== undefined)
    .sort((a, b) => b.at - a.at);
  const old = backups.filter(
    ({ at }, index) => (maxBackups > 0 && index >= maxBackups) || (maxAgeMs > 0 && clock.now() - at > maxAgeMs),
  );
  for (const { name } of old) await unlink(join(dirname(path), name));
}

function backupTime(name: string, stem: string, extension: string): number | undefined {
  if (!name.startsWith(`${stem}-`) || !name.endsWith(extension)) return undefined;
  const match = /^(\d{4}-\d\d-\d\dT)(\d\d)-(\d\d)-(\d\d\.\d{3})$/.exec(
    name.slice(stem.length + 1, name.length - extension.length),
  );
  return match === null ? undefined : Date.parse(`${match[1]}${match[2]}:${match[3]}:${match[4]}Z`);
}
