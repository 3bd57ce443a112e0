/**
 * Structured logs: one line per event on standard error, written before the call returns, so that the last line before a
 * crash is there. Keys are stable: `time`, `level`, `component`, `msg`, then the fields (`controller`, `key`, `err`, …).
 */
import { writeSync } from 'node:fs';
import { pino } from 'pino';

export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  /** Something is lost or will not happen without help. `err` takes anything thrown. */
  error(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  /** Shown with -v 4 and above. */
  debug(message: string, fields?: LogFields): void;
  /** Shown with -v 6 and above: every request. */
  trace(message: string, fields?: LogFields): void;
  child(fields: LogFields): Logger;
}

export interface LoggingOptions {
  /** Verbosity as of `-v`. Default 0. */
  v?: number;
  format?: 'json' | 'text';
  /** Takes whole lines with their line end. Default: standard error. */
  write?: (line: string) => void;
}

export function createLogger(component: string, options: LoggingOptions = {}): Logger {
  const v = options.v ?? 0;
  const write = options.write ?? writeStandardError;
  const sink = options.format === 'text' ? (line: string) => write(textLine(line)) : write;
  const root = pino(
    {
      base: { component },
      level: v >= 6 ? 'trace' : v >= 4 ? 'debug' : 'info',
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: (error: unknown) => describeError(error, v >= 4) },
    },
    { write: sink },
  );
  return wrap(root);
}

/** Logs nothing: the default where a logger is optional. */
export const silentLogger: Logger = {
  error() {},
  warn() {},
  info() {},
  debug() {},
  trace() {},
  child: () => silentLogger,
};

type Pino = Pick<ReturnType<typeof pino>, 'error' | 'warn' | 'info' | 'debug' | 'trace'> & {
  child(fields: object): Pino;
};

function wrap(target: Pino): Logger {
  return {
    error: (message, fields = {}) => target.error(fields, message),
    warn: (message, fields = {}) => target.warn(fields, message),
    info: (message, fields = {}) => target.info(fields, message),
    debug: (message, fields = {}) => target.debug(fields, message),
    trace: (message, fields = {}) => target.trace(fields, message),
    child: (fields) => wrap(target.child(fields)),
  };
}

/** The message with its causes, or the stack where debugging is on. */
export function describeError(error: unknown, stack = false): string {
  if (!(error instanceof Error)) return String(error);
  let text = stack && error.stack !== undefined ? error.stack : error.message;
  const seen = new Set<unknown>([error]);
  for (let cause = error.cause; cause instanceof Error && !seen.has(cause); cause = cause.cause) {
    seen.add(cause);
    if (!text.includes(cause.message)) text += `: ${cause.message}`;
  }
  return text;
}

function textLine(line: string): string {
  const { time, level, component, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const rest = Object.entries(fields)
    .map(([key, value]) => ` ${key}=${JSON.stringify(value)}`)
    .join('');
  return `${time} ${String(level).toUpperCase().padEnd(5)} ${component}: ${msg}${rest}\n`;
}

/** A pipe whose reader is slow answers EAGAIN for a while, one whose reader is gone EPIPE for ever: logs never end a process. */
function writeStandardError(line: string): void {
  const bytes = Buffer.from(line);
  let offset = 0;
  for (let tries = 0; offset < bytes.length && tries < 100; ) {
    try {
      offset += writeSync(2, bytes, offset);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
      tries++;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}
