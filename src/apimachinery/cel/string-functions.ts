/** Functions of strings. Positions count characters (code points); regular expressions are RE2's, in linear time. */
import { RegexLimit } from '../schema/linear-match.ts';
import { compileRegex, type SafeRegex } from '../schema/regex.ts';
import { declare, type Overload, regexCost, searchCost, total, traversal } from './overloads.ts';
import { formatText } from './string-format.ts';
import { CelError, CelList, CostExceeded, type Value } from './values.ts';

const ascii = /^[ -~]*$/;

/** The text's characters: the text itself where they are its code units. */
const characters = (text: string): string | readonly string[] => (ascii.test(text) ? text : [...text]);
const part = (text: string | readonly string[], from: number, to: number): string =>
  typeof text === 'string' ? text.slice(from, to) : text.slice(from, to).join('');

function position(value: bigint, length: number): number {
  if (value < 0n || value > BigInt(length)) throw new CelError(`index out of range: ${value}`);
  return Number(value);
}

function find(text: string, wanted: string, from: bigint, last: boolean): bigint {
  const all = characters(text);
  const offset = position(from, all.length);
  if (typeof all === 'string') return BigInt(last ? all.lastIndexOf(wanted, offset) : all.indexOf(wanted, offset));
  const units = part(all, 0, offset).length;
  const at = last ? text.lastIndexOf(wanted, units) : text.indexOf(wanted, units);
  return at < 0 ? -1n : BigInt([...text.slice(0, at)].length);
}

function substring(text: string, from: bigint, to?: bigint): string {
  const all = characters(text);
  const end = to === undefined ? all.length : position(to, all.length);
  const start = position(from, all.length);
  if (start > end) throw new CelError(`invalid substring range. start: ${start}, end: ${end}`);
  return part(all, start, end);
}

function charAt(text: string, at: bigint): string {
  const all = characters(text);
  return all[position(at, all.length)] ?? '';
}

const lower = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
const upper = (text: string): string => text.replace(/[a-z]/g, (letter) => letter.toUpperCase());

function replace(text: string, from: string, to: string, limit: bigint, spend: (cost: number) => void): string {
  if (limit === 0n) return text;
  const pieces = from === '' ? ['', ...text, ''] : text.split(from);
  const times = limit < 0n ? pieces.length - 1 : Math.min(Number(limit), pieces.length - 1);
  spend((times * to.length) / 10);
  return pieces.slice(0, times).join(to) + (times > 0 ? to : '') + pieces.slice(times).join(from);
}

function split(text: string, by: string, limit: bigint): CelList {
  if (limit === 0n) return new CelList([]);
  const pieces = by === '' ? [...text] : text.split(by);
  if (limit < 0n || pieces.length <= Number(limit)) return new CelList(pieces);
  const kept = Number(limit) - 1;
  return new CelList([...pieces.slice(0, kept), pieces.slice(kept).join(by)]);
}

function joinTexts(list: CelList, by: string, spend: (cost: number) => void): string {
  const texts = list.items.map((item) => {
    if (typeof item !== 'string') throw new CelError('no such overload');
    spend((item.length + by.length) / 10);
    return item;
  });
  return texts.join(by);
}

function regex(pattern: string): SafeRegex {
  try {
    return compileRegex(pattern);
  } catch (error) {
    throw new CelError(`error parsing regexp: ${(error as Error).message}`);
  }
}

/** What the sizes tell of a search is paid for already; the rest counts as it is done. */
const stepsPaid = 4;
const stepCost = 0.1;
/** Steps of one call, whatever may be spent. */
const maxSteps = 20_000_000;

function limited<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof RegexLimit) throw new CostExceeded(error.message);
    throw error;
  }
}

const matches = ([text, pattern]: [string, string]): boolean => limited(() => regex(pattern).test(text));

/** All matches that do not overlap, at most `limit` of them (negative: all). An empty one right behind another is none. */
function findAll(text: string, pattern: string, limit: bigint, spend: (cost: number) => void): string[] {
  const compiled = regex(pattern);
  const found: string[] = [];
  let paid = stepsPaid * (text.length + 1) * (pattern.length + 1);
  let last = -1;
  for (let at = 0; at <= text.length && (limit < 0n || found.length < Number(limit)); ) {
    const budget = { steps: maxSteps };
    const match = limited(() => compiled.find(text, at, budget));
    const steps = maxSteps - budget.steps;
    spend(Math.max(0, steps - paid) * stepCost);
    paid = Math.max(0, paid - steps);
    if (match === undefined) break;
    const [start, end] = match;
    if (end > start || start !== last) found.push(text.slice(start, end));
    last = end;
    at = end > start ? end : end + ((text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1);
  }
  return found;
}

const escapes: { readonly [character: string]: string } = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};

export const stringFunctions: readonly Overload[] = [
  declare(
    'jsonpatch.escapeKey(string): string',
    ([key]: [string]) => key.replaceAll('~', '~0').replaceAll('/', '~1'),
    traversal,
  ),
  declare('string::contains(string): bool', ([a, b]: [string, string]) => a.includes(b), searchCost),
  declare(
    'string::startsWith(string): bool',
    ([a, b]: [string, string]) => a.startsWith(b),
    ([, b = 0]) => 1 + b * 0.1,
  ),
  declare(
    'string::endsWith(string): bool',
    ([a, b]: [string, string]) => a.endsWith(b),
    ([, b = 0]) => 1 + b * 0.1,
  ),
  declare('string::matches(string): bool', matches, regexCost),
  declare('matches(string, string): bool', matches, regexCost),
  declare(
    'string::find(string): string',
    ([text, pattern]: [string, string], spend) => findAll(text, pattern, 1n, spend)[0] ?? '',
    regexCost,
  ),
  declare(
    'string::findAll(string): list<string>',
    ([text, pattern]: [string, string], spend) => new CelList(findAll(text, pattern, -1n, spend)),
    regexCost,
  ),
  declare(
    'string::findAll(string, int): list<string>',
    ([text, pattern, limit]: [string, string, bigint], spend) => new CelList(findAll(text, pattern, limit, spend)),
    regexCost,
  ),
  declare('string::charAt(int): string', ([a, at]: [string, bigint]) => charAt(a, at), traversal),
  declare('string::indexOf(string): int', ([a, b]: [string, string]) => find(a, b, 0n, false), searchCost),
  declare(
    'string::indexOf(string, int): int',
    ([a, b, at]: [string, string, bigint]) => find(a, b, at, false),
    searchCost,
  ),
  declare(
    'string::lastIndexOf(string): int',
    ([a, b]: [string, string]) => find(a, b, BigInt(characters(a).length), true),
    searchCost,
  ),
  declare(
    'string::lastIndexOf(string, int): int',
    ([a, b, at]: [string, string, bigint]) => find(a, b, at, true),
    searchCost,
  ),
  declare('string::lowerAscii(): string', ([a]: [string]) => lower(a), traversal),
  declare('string::upperAscii(): string', ([a]: [string]) => upper(a), traversal),
  declare('string::trim(): string', ([a]: [string]) => a.trim(), traversal),
  declare('string::reverse(): string', ([a]: [string]) => [...a].reverse().join(''), traversal),
  declare('string::substring(int): string', ([a, from]: [string, bigint]) => substring(a, from), traversal),
  declare(
    'string::substring(int, int): string',
    ([a, from, to]: [string, bigint, bigint]) => substring(a, from, to),
    traversal,
  ),
  declare(
    'string::replace(string, string): string',
    ([a, from, to]: [string, string, string], spend) => replace(a, from, to, -1n, spend),
    total,
  ),
  declare(
    'string::replace(string, string, int): string',
    ([a, from, to, n]: [string, string, string, bigint], spend) => replace(a, from, to, n, spend),
    total,
  ),
  declare('string::split(string): list<string>', ([a, by]: [string, string]) => split(a, by, -1n), traversal),
  declare(
    'string::split(string, int): list<string>',
    ([a, by, n]: [string, string, bigint]) => split(a, by, n),
    traversal,
  ),
  declare('list<string>::join(): string', ([list]: [CelList], spend) => joinTexts(list, '', spend), traversal),
  declare(
    'list<string>::join(string): string',
    ([list, by]: [CelList, string], spend) => joinTexts(list, by, spend),
    traversal,
  ),
  declare(
    'string::format(list<dyn>): string',
    ([text, args]: [string, CelList], spend) => formatText(text, args.items, spend),
    traversal,
  ),
  declare(
    'strings.quote(string): string',
    ([a]: [string]): Value => `"${[...a].map((c) => escapes[c] ?? c).join('')}"`,
    traversal,
  ),
];
