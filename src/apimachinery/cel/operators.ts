/** Arithmetic, negation and membership. Integers are 64 bits wide and overflow is an error. */
import { declare, type Overload, total } from './overloads.ts';
import { CelError, CelList, type CelMap, Duration, equal, Timestamp, Uint, type Value } from './values.ts';

export const maxInt = 2n ** 63n - 1n;
export const minInt = -(2n ** 63n);
const maxUint = 2n ** 64n - 1n;

export function checkedInt(value: bigint): bigint {
  if (value > maxInt || value < minInt) throw new CelError('integer overflow');
  return value;
}

export function checkedUint(value: bigint): Uint {
  if (value > maxUint || value < 0n) throw new CelError('unsigned integer overflow');
  return new Uint(value);
}

const divisor = (value: bigint, what: string): bigint => {
  if (value === 0n) throw new CelError(what);
  return value;
};

const integers = (operator: string, compute: (a: bigint, b: bigint) => bigint): Overload[] => [
  declare(`${operator}(int, int): int`, ([a, b]: [bigint, bigint]) => checkedInt(compute(a, b))),
  declare(`${operator}(uint, uint): uint`, ([a, b]: [Uint, Uint]) => checkedUint(compute(a.value, b.value))),
];

export const operators: readonly Overload[] = [
  ...integers('+', (a, b) => a + b),
  ...integers('-', (a, b) => a - b),
  ...integers('*', (a, b) => a * b),
  ...integers('/', (a, b) => a / divisor(b, 'division by zero')),
  ...integers('%', (a, b) => a % divisor(b, 'modulus by zero')),
  declare('+(double, double): double', ([a, b]: [number, number]) => a + b),
  declare('-(double, double): double', ([a, b]: [number, number]) => a - b),
  declare('*(double, double): double', ([a, b]: [number, number]) => a * b),
  declare('/(double, double): double', ([a, b]: [number, number]) => a / b),
  declare('+(string, string): string', ([a, b]: [string, string]) => a + b, total),
  declare('+(bytes, bytes): bytes', ([a, b]: [Uint8Array, Uint8Array]) => Buffer.concat([a, b]), total),
  declare(
    '+(list<A>, list<A>): list<A>',
    ([a, b]: [CelList, CelList], spend) => {
      if (!a.unordered) return new CelList([...a.items, ...b.items]);
      spend(a.items.length * b.items.length);
      const added = b.items.filter((item) => !a.items.some((own) => equal(own, item, spend)));
      return new CelList([...a.items, ...added], true);
    },
    total,
  ),
  declare('+(duration, duration): duration', ([a, b]: [Duration, Duration]) => new Duration(checkedInt(a.ns + b.ns))),
  declare('+(timestamp, duration): timestamp', ([a, b]: [Timestamp, Duration]) => new Timestamp(a.ns + b.ns)),
  declare('+(duration, timestamp): timestamp', ([a, b]: [Duration, Timestamp]) => new Timestamp(a.ns + b.ns)),
  declare('-(duration, duration): duration', ([a, b]: [Duration, Duration]) => new Duration(checkedInt(a.ns - b.ns))),
  declare('-(timestamp, duration): timestamp', ([a, b]: [Timestamp, Duration]) => new Timestamp(a.ns - b.ns)),
  declare(
    '-(timestamp, timestamp): duration',
    ([a, b]: [Timestamp, Timestamp]) => new Duration(checkedInt(a.ns - b.ns)),
  ),
  declare('!_(bool): bool', ([a]: [boolean]) => !a),
  declare('-_(int): int', ([a]: [bigint]) => checkedInt(-a)),
  declare('-_(double): double', ([a]: [number]) => -a),
  declare(
    'in(A, list<A>): bool',
    ([item, list]: [Value, CelList], spend) => list.items.some((other) => equal(item, other, spend)),
    ([, size = 0]) => 1 + size,
  ),
  declare('in(A, map<A, B>): bool', ([key, map]: [Value, CelMap]) => map.get(key) !== undefined),
  ...['size(string): int', 'string::size(): int'].map((signature) =>
    declare(signature, ([a]: [string], spend) => {
      spend(a.length * 0.01);
      return BigInt([...a].length);
    }),
  ),
  ...['size(list<A>): int', 'list<A>::size(): int'].map((signature) =>
    declare(signature, ([a]: [CelList]) => BigInt(a.items.length)),
  ),
  ...['size(map<A, B>): int', 'map<A, B>::size(): int'].map((signature) =>
    declare(signature, ([a]: [CelMap]) => BigInt(a.size)),
  ),
  ...['size(bytes): int', 'bytes::size(): int'].map((signature) =>
    declare(signature, ([a]: [Uint8Array]) => BigInt(a.length)),
  ),
];

/** Shared by the set functions. */
export const contains = (list: CelList, item: Value, spend: (cost: number) => void): boolean =>
  list.items.some((other) => equal(item, other, spend));
