/** Conversions between types, and the functions of optionals. */
import { checkedInt, checkedUint } from './operators.ts';
import { declare, type Overload, traversal } from './overloads.ts';
import { durationText, parseDuration, parseTimestamp, timestampText } from './time-functions.ts';
import {
  CelError,
  Duration,
  isList,
  isMap,
  Optional,
  Timestamp,
  TypeValue,
  typeOf,
  Uint,
  type Value,
} from './values.ts';

function intOf(text: string): bigint {
  if (!/^[+-]?\d+$/.test(text) || text.length > 25)
    throw new CelError(`cannot convert string ${JSON.stringify(text)} to int`);
  return checkedInt(BigInt(text.replace(/^\+/, '')));
}

function fromDouble(value: number): bigint {
  if (!Number.isFinite(value)) throw new CelError('integer overflow');
  return BigInt(Math.trunc(value));
}

function doubleOf(text: string): number {
  const value = /^[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|Inf|Infinity|NaN)$/.test(text)
    ? Number(text.replace(/Inf(inity)?/, 'Infinity'))
    : undefined;
  if (value === undefined) throw new CelError(`cannot convert string ${JSON.stringify(text)} to double`);
  return value;
}

function boolOf(text: string): boolean {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
  throw new CelError(`cannot convert string ${JSON.stringify(text)} to bool`);
}

export function doubleText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return String(value).replace(/e([+-])(\d)$/, 'e$10$2');
}

function utf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new CelError('invalid UTF-8 in bytes, cannot convert to string');
  }
}

const isZero = (value: Value): boolean => {
  if (value === null || value === false || value === '' || value === 0n || value === 0) return true;
  if (typeof value !== 'object') return false;
  if (value instanceof Uint) return value.value === 0n;
  if (value instanceof Uint8Array) return value.length === 0;
  if (value instanceof Duration) return value.ns === 0n;
  if (isList(value)) return value.items.length === 0;
  return isMap(value) && value.size === 0;
};

function held(optional: Optional): Value {
  if (optional.value === undefined) throw new CelError('optional.none() dereference');
  return optional.value;
}

const same = ([value]: [Value]): Value => value;

export const standardFunctions: readonly Overload[] = [
  declare('dyn(dyn): dyn', same),
  declare('type(dyn): type', ([value]: [Value]) => new TypeValue(typeOf(value))),
  declare('bool(bool): bool', same),
  declare('bool(string): bool', ([text]: [string]) => boolOf(text)),
  declare('int(int): int', same),
  declare('int(uint): int', ([value]: [Uint]) => checkedInt(value.value)),
  declare('int(double): int', ([value]: [number]) => checkedInt(fromDouble(value))),
  declare('int(string): int', ([text]: [string]) => intOf(text)),
  declare('int(timestamp): int', ([time]: [Timestamp]) => time.ns / 1_000_000_000n),
  declare('uint(uint): uint', same),
  declare('uint(int): uint', ([value]: [bigint]) => checkedUint(value)),
  declare('uint(double): uint', ([value]: [number]) => checkedUint(fromDouble(value))),
  declare('uint(string): uint', ([text]: [string]) => checkedUint(intOf(text))),
  declare('double(double): double', same),
  declare('double(int): double', ([value]: [bigint]) => Number(value)),
  declare('double(uint): double', ([value]: [Uint]) => Number(value.value)),
  declare('double(string): double', ([text]: [string]) => doubleOf(text)),
  declare('string(string): string', same),
  declare('string(bool): string', ([value]: [boolean]) => String(value)),
  declare('string(int): string', ([value]: [bigint]) => String(value)),
  declare('string(uint): string', ([value]: [Uint]) => String(value.value)),
  declare('string(double): string', ([value]: [number]) => doubleText(value)),
  declare('string(bytes): string', ([value]: [Uint8Array]) => utf8(value), traversal),
  declare('string(timestamp): string', ([time]: [Timestamp]) => timestampText(time)),
  declare('string(duration): string', ([value]: [Duration]) => durationText(value)),
  declare('bytes(bytes): bytes', same),
  declare('bytes(string): bytes', ([text]: [string]) => new Uint8Array(Buffer.from(text)), traversal),
  declare('duration(string): duration', ([text]: [string]) => parseDuration(text)),
  declare('duration(duration): duration', same),
  declare('timestamp(string): timestamp', ([text]: [string]) => parseTimestamp(text)),
  declare('timestamp(int): timestamp', ([seconds]: [bigint]) => new Timestamp(seconds * 1_000_000_000n)),
  declare('timestamp(timestamp): timestamp', same),

  declare('optional.of(A): optional<A>', ([value]: [Value]) => new Optional(value)),
  declare('optional.none(): optional<A>', () => new Optional(undefined)),
  declare('optional.ofNonZeroValue(A): optional<A>', ([value]: [Value]) =>
    isZero(value) ? new Optional(undefined) : new Optional(value),
  ),
  declare('optional<A>::hasValue(): bool', ([optional]: [Optional]) => optional.value !== undefined),
  declare('optional<A>::value(): A', ([optional]: [Optional]) => held(optional)),
  declare('optional<A>::orValue(A): A', ([optional, other]: [Optional, Value]) =>
    optional.value === undefined ? other : optional.value,
  ),
  declare('optional<A>::or(optional<A>): optional<A>', ([optional, other]: [Optional, Optional]) =>
    optional.value === undefined ? other : optional,
  ),
];
