/** `--sort-by`: the order of a field's values: numbers, quantities, times and text with its numbers counted. */
import { compareQuantities, tryParseQuantity } from '../../apimachinery/quantity.ts';
import { relaxedPath } from './json-path-template.ts';

/** Stable; what lacks the field comes first. @throws when nothing has the field */
export function sortByPath<T>(items: readonly T[], objectOf: (item: T) => unknown, path: string): T[] {
  const find = relaxedPath(path);
  const keyed = items.map((item) => ({ item, key: find(objectOf(item))[0] ?? undefined }));
  if (items.length > 0 && keyed.every(({ key }) => key === undefined))
    throw new Error(
      `couldn't find any field with path "${path.startsWith('{') ? path : `{${path.startsWith('.') ? '' : '.'}${path}}`}" in the list of objects`,
    );
  return keyed.sort((a, b) => compare(a.key, b.key)).map(({ item }) => item);
}

const natural = new Intl.Collator('en', { numeric: true });

function compare(a: unknown, b: unknown): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? -1 : 1;
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const [x, y] = [String(a), String(b)];
  const [p, q] = [tryParseQuantity(x), tryParseQuantity(y)];
  return p !== undefined && q !== undefined ? compareQuantities(p, q) : natural.compare(x, y);
}
