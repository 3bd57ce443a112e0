/** A command line that is not complete yet, read as far as it goes. Pure. */
import { type Flag, type FlagTable, parseFlags } from '../../component/flags.ts';
import { type CommandEntry, karmadaFlags, namespaceFlag } from '../command.ts';
import { commandTable } from '../command-table.ts';
import { descend, findEntry, splitCommand } from '../command-words.ts';

/** What may stand in the place of the last word, and what the shell is to do with it. */
export interface Offer {
  value: string;
  about?: string;
}

export interface Line {
  /** All words before the one that is being typed. */
  before: readonly string[];
  previous: string;
  /** Absent: the command itself is being typed. */
  command?: CommandEntry;
  /** `create secret tls`; empty without a command. */
  path: string;
  table: FlagTable;
  /** Words that are no flags and no flags' values, after the command. */
  args: readonly string[];
  /** Words after the command, as they were typed. */
  words: readonly string[];
}

export async function readLine(before: readonly string[]): Promise<Line> {
  const { word, rest } = splitCommand(before);
  const entry = word === undefined ? undefined : findEntry(commandTable, word);
  const previous = before.at(-1) ?? '';
  if (entry === undefined) return { before, previous, path: word ?? '', table: karmadaFlags, args: rest, words: rest };
  const { command, path, rest: words } = descend(entry, rest);
  const table: FlagTable = { ...(await command.load?.())?.flags };
  return { before, previous, command, path, table, args: argumentsOf(words, table), words };
}

export interface OpenFlag {
  name: string;
  flag: Flag<unknown>;
}

/** The flag whose value is about to be typed. `assigned`: behind `=`, where flags that need no value take one, too. */
export function openFlag(table: FlagTable, word: string, assigned = false): OpenFlag | undefined {
  if (!word.startsWith('-') || word.includes('=')) return undefined;
  const found = Object.entries({ ...karmadaFlags, ...table } as Record<string, Flag<unknown>>).find(
    ([name, { shorthand }]) => word === `--${name}` || (shorthand !== undefined && word === `-${shorthand}`),
  );
  if (found === undefined || (found[1].bare !== undefined && !assigned)) return undefined;
  return { name: found[0], flag: found[1] };
}

function argumentsOf(words: readonly string[], table: FlagTable): string[] {
  const end = words.indexOf('--');
  const own = end < 0 ? words : words.slice(0, end);
  return own.filter((word, at) => !word.startsWith('-') && openFlag(table, own[at - 1] ?? '') === undefined);
}

export function flagValue(words: readonly string[], name: RegExp): string | undefined {
  for (const [at, word] of words.entries()) {
    const [flagName = '', value] = word.split(/=(.*)/s);
    if (name.test(flagName)) return value ?? words[at + 1];
  }
  return undefined;
}

/** The flags by which a server is found. */
export function connectionFlags(words: readonly string[]) {
  const kept = words.flatMap((word, at) => {
    if (/^--(kubeconfig|karmada-context|namespace)=/.test(word)) return [word];
    return /^(--(kubeconfig|karmada-context|namespace)|-n)$/.test(word) && at + 1 < words.length
      ? [word, words[at + 1] as string]
      : [];
  });
  return parseFlags({ ...karmadaFlags, ...namespaceFlag }, kept).values;
}

export function flagOffers(table: FlagTable): Offer[] {
  return Object.entries(table as Record<string, Flag<unknown>>)
    .filter(([, { hidden, deprecated }]) => hidden !== true && deprecated === undefined)
    .flatMap(([name, { shorthand, usage }]) => [
      { value: `--${name}`, about: usage },
      ...(shorthand === undefined ? [] : [{ value: `-${shorthand}`, about: usage }]),
    ]);
}

/** The values that a flag's own help lists. */
export function listedValues(usage: string): string[] {
  const listed = /(?:one of|valid values are): \(([^)]*)\)/i.exec(usage)?.[1];
  if (listed !== undefined) return listed.split(/, */).map((value) => (takesText.test(value) ? `${value}=` : value));
  const quoted = /(?:Must be|Either) (["'][^.]*)/.exec(usage)?.[1] ?? '';
  return [...quoted.matchAll(/["']([\w-]+)["']/g)].map(([, value]) => value as string);
}

/** Forms of output that go on after `=`. */
const takesText = /^(go-template|template|jsonpath|custom-columns)/;

/** A path in the file system follows: the shell knows best. */
export const takesFile = (name: string): boolean =>
  /^(filename|kustomize|kubeconfig|karmada-config|patch-file|cert|key|from-file|from-env-file|log-file|log-dir|template)$/.test(
    name,
  ) || /-(kubeconfig|file|authority)$/.test(name);
