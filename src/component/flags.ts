/**
 * Command-line flags as a table: `parseFlags(table, argv)` gives typed values by flag name. Syntax and error texts are those
 * of spf13/pflag, which Kubernetes' and Karmada's executables use: `--flag=value`, `--flag value`, `-f value`, `-fvalue`,
 * booleans only as `--flag` or `--flag=false`, `--` ends the flags, underscores count as dashes.
 */
import { formatDuration, parseDuration } from './duration.ts';

/** A wrong command line. `message` is pflag's text, for stderr; the exit code is 1. */
export class FlagError extends Error {
  override readonly name = 'FlagError';
  /** The message stands for itself: nothing is put around it, and no hint at the help after it. */
  readonly plain: boolean;
  constructor(message: string, options: ErrorOptions & { plain?: boolean } = {}) {
    super(message, options);
    this.plain = options.plain === true;
  }
}

export interface Flag<T> {
  /** Shown in help: `string`, `duration`, …; empty for booleans. */
  readonly type: string;
  readonly usage: string;
  readonly defaultValue: T;
  /** `old` is undefined at the first occurrence: lists collect. Throws an Error whose message says what is wrong. */
  parse(text: string, old: T | undefined): T;
  format(value: T): string;
  /** One letter, used as `-x`. */
  readonly shorthand?: string;
  /** Text after `has been deprecated, `; the flag still works. */
  readonly deprecated?: string;
  readonly hidden?: boolean;
  /** The value of `--flag` without one (booleans). */
  readonly bare?: string;
  /** A line for the log about how the flag was given. */
  notice?(text: string): string | undefined;
}

export type FlagTable = Readonly<Record<string, Flag<never> | Flag<unknown>>>;
type ValueOf<F> = F extends Flag<infer T> ? T : never;
export type FlagValues<F extends FlagTable> = { readonly [K in keyof F]: ValueOf<F[K]> };

interface FlagExtras {
  shorthand?: string;
  deprecated?: string;
  hidden?: boolean;
}

const parseError = (fn: string, text: string): Error =>
  new Error(`strconv.${fn}: parsing ${JSON.stringify(text)}: invalid syntax`);

/** Constructors of flags. Durations are milliseconds. */
export const flag = {
  string: (defaultValue: string, usage: string, extras: FlagExtras = {}): Flag<string> => ({
    type: 'string',
    usage,
    defaultValue,
    parse: (text) => text,
    format: (value) => JSON.stringify(value),
    ...extras,
  }),

  bool: (defaultValue: boolean, usage: string, extras: FlagExtras = {}): Flag<boolean> => ({
    type: '',
    usage,
    defaultValue,
    bare: 'true',
    parse(text) {
      if (/^(1|t|T|true|TRUE|True)$/.test(text)) return true;
      if (/^(0|f|F|false|FALSE|False)$/.test(text)) return false;
      throw parseError('ParseBool', text);
    },
    format: String,
    ...extras,
  }),

  int: (defaultValue: number, usage: string, extras: FlagExtras = {}): Flag<number> => ({
    type: 'int',
    usage,
    defaultValue,
    parse(text) {
      if (!/^[+-]?\d+$/.test(text)) throw parseError('ParseInt', text);
      return Number(text);
    },
    format: String,
    ...extras,
  }),

  float: (defaultValue: number, usage: string, extras: FlagExtras = {}): Flag<number> => ({
    type: 'float',
    usage,
    defaultValue,
    parse(text) {
      if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) throw parseError('ParseFloat', text);
      return Number(text);
    },
    format: String,
    ...extras,
  }),

  /** Milliseconds. */
  duration: (defaultMs: number, usage: string, extras: FlagExtras = {}): Flag<number> => ({
    type: 'duration',
    usage,
    defaultValue: defaultMs,
    parse: parseDuration,
    format: formatDuration,
    ...extras,
  }),

  /** Comma-separated; repeated flags add up. */
  list: (defaultValue: readonly string[], usage: string, extras: FlagExtras = {}): Flag<readonly string[]> => ({
    type: 'strings',
    usage,
    defaultValue,
    parse: (text, old) => [...(old ?? []), ...(text === '' ? [] : text.split(','))],
    format: (value) => `[${value.join(',')}]`,
    ...extras,
  }),

  /** One of the given values. */
  choice: <const T extends string>(
    values: readonly T[],
    defaultValue: T,
    usage: string,
    extras: FlagExtras = {},
  ): Flag<T> => ({
    type: 'string',
    usage,
    defaultValue,
    parse(text) {
      const found = values.find((value) => value === text);
      if (found === undefined) throw new Error(`must be one of ${values.join(', ')}`);
      return found;
    },
    format: (value) => JSON.stringify(value),
    ...extras,
  }),
};

export interface ParsedFlags<F extends FlagTable> {
  values: FlagValues<F>;
  /** Names of the flags that were given. */
  given: ReadonlySet<string>;
  /** Words that are not flags. */
  args: string[];
  /** `--help` or `-h` was given; nothing after it was read. */
  help: boolean;
  /** Lines for stderr: `Flag --x has been deprecated, …`. */
  warnings: string[];
  /** What flags have to say of the values they were given: for the log. */
  notices: string[];
}

/** Throws FlagError on an unknown flag, a missing or a wrong value. */
export function parseFlags<F extends FlagTable>(table: F, argv: readonly string[]): ParsedFlags<F> {
  const flags = table as Readonly<Record<string, Flag<unknown>>>;
  const shorthands = new Map<string, string>();
  for (const [name, { shorthand }] of Object.entries(flags))
    if (shorthand !== undefined) shorthands.set(shorthand, name);
  const values: Record<string, unknown> = {};
  const given = new Set<string>();
  const args: string[] = [];
  const warnings: string[] = [];
  const notices: string[] = [];
  const done = (help: boolean): ParsedFlags<F> => {
    for (const [name, { defaultValue }] of Object.entries(flags)) if (!given.has(name)) values[name] = defaultValue;
    return { values: values as FlagValues<F>, given, args, help, warnings, notices };
  };
  const set = (name: string, text: string): void => {
    const definition = flags[name]!;
    try {
      values[name] = definition.parse(text, given.has(name) ? values[name] : undefined);
    } catch (error) {
      if (error instanceof FlagError) throw error;
      const shown = definition.shorthand === undefined ? `--${name}` : `-${definition.shorthand}, --${name}`;
      throw new FlagError(`invalid argument ${JSON.stringify(text)} for "${shown}" flag: ${(error as Error).message}`, {
        cause: error,
      });
    }
    if (definition.deprecated !== undefined && !given.has(name)) {
      warnings.push(`Flag --${name} has been deprecated, ${definition.deprecated}`);
    }
    const notice = definition.notice?.(text);
    if (notice !== undefined) notices.push(notice);
    given.add(name);
  };

  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!;
    if (word === '--') {
      args.push(...argv.slice(i + 1));
      break;
    }
    if (word.startsWith('--')) {
      const equals = word.indexOf('=');
      const name = (equals < 0 ? word.slice(2) : word.slice(2, equals)).replaceAll('_', '-');
      if (name === 'help' && flags['help'] === undefined) return done(true);
      const definition = Object.hasOwn(flags, name) ? flags[name] : undefined;
      if (definition === undefined) throw new FlagError(`unknown flag: --${name}`);
      if (equals >= 0) set(name, word.slice(equals + 1));
      else if (definition.bare !== undefined) set(name, definition.bare);
      else if (i + 1 < argv.length) set(name, argv[++i]!);
      else throw new FlagError(`flag needs an argument: --${name}`);
    } else if (word.startsWith('-') && word !== '-') {
      for (let at = 1; at < word.length; at++) {
        const letter = word[at]!;
        const name = shorthands.get(letter);
        if (name === undefined) {
          if (letter === 'h') return done(true);
          throw new FlagError(`unknown shorthand flag: '${letter}' in ${word}`);
        }
        const definition = flags[name]!;
        const rest = word.slice(at + 1);
        if (rest.startsWith('=')) set(name, rest.slice(1));
        else if (definition.bare !== undefined) {
          set(name, definition.bare);
          continue;
        } else if (rest !== '') set(name, rest);
        else if (i + 1 < argv.length) set(name, argv[++i]!);
        else throw new FlagError(`flag needs an argument: '${letter}' in ${word}`);
        break;
      }
    } else {
      args.push(word);
    }
  }
  return done(false);
}

/** The `Flags:` block of a help text: one flag and its usage per line, in the order of names. */
export function describeFlags(table: FlagTable): string {
  const rows = Object.entries(table as Readonly<Record<string, Flag<unknown>>>)
    .filter(([, definition]) => definition.hidden !== true && definition.deprecated === undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, definition]) => {
      const short = definition.shorthand === undefined ? '    ' : `-${definition.shorthand}, `;
      const left = `  ${short}--${name}${definition.type === '' ? '' : ` ${definition.type}`}`;
      const text = definition.format(definition.defaultValue);
      const plain = text === '""' || text === 'false' || text === '[]' || text === '0';
      return [left, definition.usage + (plain ? '' : ` (default ${text})`)] as const;
    });
  const width = Math.max(0, ...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `${left.padEnd(width)}   ${right}`).join('\n');
}
