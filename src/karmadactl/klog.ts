/**
 * The log of the tool, as klog writes it and with klog's flags: to standard error, or to a file. From `-v=6` on it tells of each
 * request, with 7 its headers, with 8 and more the bodies, as kubectl does.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TransportOptions } from '../client/http-transport.ts';
import type { TransportResponse } from '../client/transport.ts';
import { type FlagValues, flag } from '../component/flags.ts';
import type { CommandIo } from './command.ts';

export const klogFlags = {
  v: flag.int(0, 'number for the log level verbosity', { shorthand: 'v', hidden: true }),
  vmodule: flag.list([], 'comma-separated list of pattern=N settings for file-filtered logging', { hidden: true }),
  logtostderr: flag.bool(true, 'log to standard error instead of files', { hidden: true }),
  alsologtostderr: flag.bool(false, 'log to standard error as well as files (no effect when -logtostderr=true)', {
    hidden: true,
  }),
  stderrthreshold: flag.int(2, 'logs at or above this threshold go to stderr when writing to files', { hidden: true }),
  'log-file': flag.string('', 'If non-empty, use this log file (no effect when -logtostderr=true)', { hidden: true }),
  'log-dir': flag.string('', 'If non-empty, write log files in this directory (no effect when -logtostderr=true)', {
    hidden: true,
  }),
  'skip-headers': flag.bool(false, 'If true, avoid header prefixes in the log messages', { hidden: true }),
};

export type KlogValues = FlagValues<typeof klogFlags>;

type Severity = 'I' | 'W' | 'E';

export interface Klog {
  /** Whether messages of this level of this source are wanted. */
  wants(level: number, source: string): boolean;
  write(severity: Severity, source: string, text: string): void;
}

const severities: readonly Severity[] = ['I', 'W', 'E'];

/** @throws when `--vmodule` is malformed */
export function createKlog(values: KlogValues, io: CommandIo, now: () => Date = () => new Date()): Klog {
  const modules = values.vmodule.map((setting) => {
    const [pattern = '', level = '', ...more] = setting.split('=');
    if (pattern === '' || !/^\d+$/.test(level) || more.length > 0)
      throw new Error(
        `invalid argument ${JSON.stringify(values.vmodule.join(','))} for "--vmodule" flag: syntax error: expect comma-separated list of filename=N`,
      );
    const expression = pattern
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.');
    return { matches: new RegExp(`^${expression}$`), level: Number(level) };
  });
  const file =
    values['log-file'] || (values['log-dir'] === '' ? 'karmadactl.log' : join(values['log-dir'], 'karmadactl.log'));
  return {
    wants(level, source) {
      const [name = ''] = source.split('.');
      return level <= (modules.find(({ matches }) => matches.test(name))?.level ?? values.v);
    },
    write(severity, source, text) {
      const line = `${values['skip-headers'] ? '' : header(severity, source, now())}${text}\n`;
      if (!values.logtostderr) appendFileSync(file, line, { mode: 0o600 });
      const alsoToStderr = values.alsologtostderr || severities.indexOf(severity) >= values.stderrthreshold;
      if (values.logtostderr || alsoToStderr) io.stderr(line);
    },
  };
}

/** `W1129 02:38:44.700317    5074 helpers.go:719] ` */
function header(severity: Severity, source: string, at: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const time = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, '0')}000`;
  return `${severity}${two(at.getMonth() + 1)}${two(at.getDate())} ${time} ${String(process.pid).padStart(7)} ${source}] `;
}

/** Where client-go tells of requests: `--vmodule=round_trippers=8`. */
const source = 'round_trippers.go';

/** Tells of requests in the log, and of what servers warn of on standard error, each once. */
export function requestObserver(log: Klog, io: CommandIo): NonNullable<TransportOptions['observe']> {
  const told = new Set<string>();
  const info = (text: string): void => log.write('I', source, text);
  const limit = log.wants(10, source) ? Number.POSITIVE_INFINITY : log.wants(9, source) ? 10_240 : 1024;
  return ({ request, url, response, milliseconds }) => {
    for (const text of warningsOf(response)) {
      if (!told.has(text)) io.stderr(`Warning: ${text}\n`);
      told.add(text);
    }
    if (!log.wants(6, source)) return response;
    const what = `verb="${request.method}" url="${url}"`;
    const headers = (of: Readonly<Record<string, unknown>> = {}): string =>
      log.wants(7, source) ? ` headers=<\n${headerLines(of)} >` : '';
    if (log.wants(7, source)) info(`"Request" ${what}${headers(request.headers)}`);
    // Credentials are in no log.
    const secret = /\/(secrets|token|tokenreviews)(\/|\?|$)/.test(request.path);
    const shown = (text: string): string =>
      secret
        ? '<masked>'
        : text.length <= limit
          ? text
          : `${text.slice(0, limit)} [truncated ${text.length - limit} chars]`;
    if (log.wants(8, source) && request.body !== undefined)
      info(`"Request Body" body=${JSON.stringify(shown(String(request.body)))}`);
    info(
      `"Response" ${what} status="${response.status}"${headers(response.headers)} milliseconds=${Math.round(milliseconds)}`,
    );
    if (!log.wants(8, source)) return response;
    return {
      ...response,
      body: seen(response.body, (text) => info(`"Response Body" body=${JSON.stringify(shown(text))}`)),
    };
  };
}

/** A body as it arrives; tells each part of it. */
async function* seen(body: AsyncIterable<Uint8Array>, tell: (text: string) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    tell(Buffer.from(chunk).toString('utf8'));
    yield chunk;
  }
}

const headerLines = (headers: Readonly<Record<string, unknown>> = {}): string =>
  Object.entries(headers)
    .map(([name, value]) => `\t${name}: ${/^authorization$/i.test(name) ? '<masked>' : String(value)}\n`)
    .join('');

/** RFC 7234, 5.5, with the code that API servers use: `299 - "text"`. */
export function warningsOf({ headers }: Pick<TransportResponse, 'headers'>): string[] {
  const { warning = [] } = headers;
  return [warning].flat().flatMap((line) => {
    const texts: string[] = [];
    for (const [, code, quoted] of line.matchAll(/(\d{3}) \S+ ("(?:[^"\\]|\\.)*")/g))
      if (code === '299') texts.push((quoted ?? '').slice(1, -1).replace(/\\(.)/g, '$1'));
    return texts;
  });
}
