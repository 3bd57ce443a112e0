/** Functions of lists of ordered values, and of lists taken as sets. */
import { checkedInt, checkedUint, contains } from './operators.ts';
import { declare, elements, type Overload, product } from './overloads.ts';
import { CelError, type CelList, compare, Duration, equal, Uint, type Value } from './values.ts';

function order(a: Value, b: Value): number {
  const result = compare(a, b);
  if (result === undefined) throw new CelError('no such overload');
  return result;
}

function isSorted({ items }: CelList): boolean {
  return items.every((item, i) => i === 0 || order(items[i - 1] as Value, item) <= 0);
}

function extreme({ items }: CelList, sign: 1 | -1, name: string): Value {
  const [first, ...rest] = items;
  if (first === undefined) throw new CelError(`${name} called on empty list`);
  return rest.reduce((best, item) => (order(item, best) * sign > 0 ? item : best), first);
}

function sum({ items }: CelList, zero: Value): Value {
  return items.reduce((total, item) => {
    if (typeof total === 'bigint' && typeof item === 'bigint') return checkedInt(total + item);
    if (typeof total === 'number' && typeof item === 'number') return total + item;
    if (total instanceof Uint && item instanceof Uint) return checkedUint(total.value + item.value);
    if (total instanceof Duration && item instanceof Duration) return new Duration(checkedInt(total.ns + item.ns));
    throw new CelError('no such overload');
  }, zero);
}

const zeros: { readonly [type: string]: Value } = {
  int: 0n,
  uint: new Uint(0n),
  double: 0,
  duration: new Duration(0n),
};

const every = (a: CelList, b: CelList, spend: (cost: number) => void): boolean =>
  b.items.every((item) => contains(a, item, spend));

type Two = [CelList, CelList];

export const listFunctions: readonly Overload[] = [
  ...['int', 'uint', 'double', 'bool', 'duration', 'timestamp', 'string', 'bytes'].flatMap((type) => [
    declare(`list<${type}>::isSorted(): bool`, ([list]: [CelList]) => isSorted(list), elements),
    declare(`list<${type}>::min(): ${type}`, ([list]: [CelList]) => extreme(list, -1, 'min'), elements),
    declare(`list<${type}>::max(): ${type}`, ([list]: [CelList]) => extreme(list, 1, 'max'), elements),
  ]),
  ...Object.entries(zeros).map(([type, zero]) =>
    declare(
      `list<${type}>::sum(): ${type}`,
      ([list]: [CelList]) => sum(list, list.items.length === 0 ? zero : zeroLike(list.items[0] as Value, zero)),
      elements,
    ),
  ),
  declare(
    'list<A>::indexOf(A): int',
    ([list, item]: [CelList, Value], spend) => BigInt(list.items.findIndex((other) => equal(other, item, spend))),
    elements,
  ),
  declare(
    'list<A>::lastIndexOf(A): int',
    ([list, item]: [CelList, Value], spend) =>
      BigInt(list.items.reduce<number>((found, other, i) => (equal(other, item, spend) ? i : found), -1)),
    elements,
  ),
  declare('sets.contains(list<A>, list<A>): bool', ([a, b]: Two, spend) => every(a, b, spend), product),
  declare(
    'sets.equivalent(list<A>, list<A>): bool',
    ([a, b]: Two, spend) => every(a, b, spend) && every(b, a, spend),
    product,
  ),
  declare(
    'sets.intersects(list<A>, list<A>): bool',
    ([a, b]: Two, spend) => b.items.some((item) => contains(a, item, spend)),
    product,
  ),
];

/** Elements of dynamic type say themselves what they are. */
function zeroLike(first: Value, otherwise: Value): Value {
  if (typeof first === 'bigint') return 0n;
  if (typeof first === 'number') return 0;
  if (first instanceof Uint) return new Uint(0n);
  return first instanceof Duration ? new Duration(0n) : otherwise;
}
