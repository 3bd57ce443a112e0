/** Logs of one run of a container in a file, one line per line with its time, bounded by rotation. */
import {
  closeSync,
  createReadStream,
  existsSync,
  fstatSync,
  openSync,
  renameSync,
  statSync,
  watch,
  writeSync,
} from 'node:fs';
import { createInterface } from 'node:readline';
import type { Clock } from '../../apimachinery/clock.ts';
import type { LogLine, LogRequest } from './runtime.ts';

/** A file that reaches this size is moved to `<file>.1`, whose former content is lost: at most twice this is kept. */
const maxFileBytes = 10 * 1024 * 1024;
/** Longer lines are cut into pieces, marked P (more follows) and F. */
const maxLineBytes = 16 * 1024;

export interface LogWriter {
  write(stream: 'stdout' | 'stderr', chunk: Buffer): void;
  /** Writes what has no line end yet. */
  close(): void;
}

export function createLogWriter(file: string, clock: Clock): LogWriter {
  let descriptor = openSync(file, 'a', 0o600);
  let size = fstatSync(descriptor).size;
  const rest = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) };

  const put = (stream: 'stdout' | 'stderr', tag: 'F' | 'P', text: Buffer): void => {
    const head = Buffer.from(`${nanoTime(clock.now())} ${stream} ${tag} `);
    const line = Buffer.concat([head, text, Buffer.from('\n')]);
    size += writeSync(descriptor, line);
    if (size < maxFileBytes) return;
    closeSync(descriptor);
    renameSync(file, `${file}.1`);
    descriptor = openSync(file, 'a', 0o600);
    size = 0;
  };
  return {
    write(stream, chunk) {
      let data = rest[stream].length > 0 ? Buffer.concat([rest[stream], chunk]) : chunk;
      for (;;) {
        const end = data.indexOf(10);
        if (end >= 0 && end <= maxLineBytes) {
          put(stream, 'F', data.subarray(0, end));
          data = data.subarray(end + 1);
        } else if (data.length > maxLineBytes) {
          put(stream, 'P', data.subarray(0, maxLineBytes));
          data = data.subarray(maxLineBytes);
        } else break;
      }
      rest[stream] = Buffer.from(data);
    },
    close() {
      for (const stream of ['stdout', 'stderr'] as const) {
        if (rest[stream].length > 0) put(stream, 'F', rest[stream]);
        rest[stream] = Buffer.alloc(0);
      }
      closeSync(descriptor);
    },
  };
}

const nanoTime = (ms: number): string => `${new Date(ms).toISOString().slice(0, 23)}000000Z`;

/** Reads a run's log. `ended` tells whether more can come. Memory: the asked-for tail. */
export async function* readLogFile(file: string, request: LogRequest, ended: () => boolean): AsyncGenerator<LogLine> {
  const tail: LogLine[] | undefined = request.tailLines === undefined ? undefined : [];
  const wanted = (line: LogLine): boolean => request.since === undefined || Date.parse(line.time) >= request.since;
  let position = 0;
  for (const path of [`${file}.1`, file]) {
    if (!existsSync(path)) continue;
    const until = statSync(path).size;
    if (path === file) position = until;
    if (until === 0) continue;
    for await (const line of linesBetween(path, 0, until)) {
      if (!wanted(line)) continue;
      if (tail === undefined) yield line;
      else {
        tail.push(line);
        if (tail.length > (request.tailLines ?? 0)) tail.shift();
      }
    }
  }
  if (tail !== undefined) yield* tail;
  if (request.follow) yield* follow(file, position, request.signal, ended);
}

/** Lines that are added behind `position`, until the container has ended and all is read, or the signal aborts. */
async function* follow(file: string, from: number, signal: AbortSignal, ended: () => boolean): AsyncGenerator<LogLine> {
  let position = from;
  let inode = statSync(file, { throwIfNoEntry: false })?.ino;
  while (!signal.aborted) {
    const done = ended();
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat === undefined) return;
    if (stat.ino !== inode) {
      // Rotated: what was still unread is in the moved file.
      const moved = statSync(`${file}.1`, { throwIfNoEntry: false });
      if (moved?.ino === inode && moved !== undefined) yield* linesBetween(`${file}.1`, position, moved.size);
      inode = stat.ino;
      position = 0;
    }
    if (stat.size > position) {
      yield* linesBetween(file, position, stat.size);
      position = stat.size;
    } else if (done) return;
    else await fileChange(file, signal);
  }
}

/** Resolves at a change of the file, when the signal aborts, or after a second: watching may miss a change. */
function fileChange(file: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      watcher?.close();
      resolve();
    };
    const timer = setTimeout(done, 1000);
    signal.addEventListener('abort', done, { once: true });
    let watcher: ReturnType<typeof watch> | undefined;
    try {
      watcher = watch(file, done);
      watcher.on('error', done);
    } catch {
      // Gone between two looks: the timer ends the wait.
    }
  });
}

async function* linesBetween(path: string, start: number, end: number): AsyncGenerator<LogLine> {
  if (end <= start) return;
  const stream = createReadStream(path, { start, end: end - 1 });
  let partial = '';
  for await (const raw of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
    const first = raw.indexOf(' ');
    const second = raw.indexOf(' ', first + 1);
    const tag = raw[second + 1];
    const text = partial + raw.slice(second + 3);
    if (tag === 'P') {
      partial = text;
      continue;
    }
    partial = '';
    yield { time: raw.slice(0, first), text };
  }
}
