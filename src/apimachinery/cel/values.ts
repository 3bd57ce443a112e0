/** Values of the Common Expression Language at run time: strings, booleans and null are JavaScript's, int is bigint, double is number. */
import type { CelType } from './types.ts';

export type Value =
  | string
  | boolean
  | bigint
  | number
  | null
  | Uint8Array
  | Uint
  | Timestamp
  | Duration
  | CelList
  | CelMap
  | Optional
  | TypeValue
  | Opaque;

export class Uint {
  readonly value: bigint;
  constructor(value: bigint) {
    this.value = value;
  }
}

/** Nanoseconds since the epoch. */
export class Timestamp {
  readonly ns: bigint;
  constructor(ns: bigint) {
    this.ns = ns;
  }
}

export class Duration {
  readonly ns: bigint;
  constructor(ns: bigint) {
    this.ns = ns;
  }
}

export class Optional {
  readonly value: Value | undefined;
  constructor(value: Value | undefined) {
    this.value = value;
  }
}

export class TypeValue {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** Values of the libraries: quantities, addresses, …. `compare` gives their equality. */
export interface Opaque {
  readonly opaque: string;
  equals(other: Opaque): boolean;
}

export class CelList {
  readonly items: readonly Value[];
  /** Lists with `x-kubernetes-list-type: set` or `map` are equal whatever their order. */
  readonly unordered: boolean;
  constructor(items: readonly Value[], unordered = false) {
    this.items = items;
    this.unordered = unordered;
  }
}

export interface CelMap {
  readonly isMap: true;
  get(key: Value): Value | undefined;
  keys(): readonly Value[];
  readonly size: number;
}

/** Maps made by expressions. Keys are bool, int, uint or string; equal numbers of different types are one key. */
export class LiteralMap implements CelMap {
  readonly isMap = true;
  readonly #entries: ReadonlyMap<string, readonly [Value, Value]>;
  constructor(entries: readonly (readonly [Value, Value])[]) {
    this.#entries = new Map(entries.map((entry) => [mapKey(entry[0]), entry]));
  }
  get(key: Value): Value | undefined {
    return this.#entries.get(mapKey(key))?.[1];
  }
  keys(): readonly Value[] {
    return [...this.#entries.values()].map(([key]) => key);
  }
  get size(): number {
    return this.#entries.size;
  }
}

/** What JSON gives without a schema: whole numbers are int, others double. Children are converted when they are read. */
export class JsonMap implements CelMap {
  readonly isMap = true;
  readonly #json: { readonly [key: string]: unknown };
  constructor(json: object) {
    this.#json = json as { readonly [key: string]: unknown };
  }
  get(key: Value): Value | undefined {
    if (typeof key !== 'string' || !Object.hasOwn(this.#json, key)) return undefined;
    const value = this.#json[key];
    return value === undefined ? undefined : fromJson(value);
  }
  keys(): readonly Value[] {
    return Object.keys(this.#json);
  }
  get size(): number {
    return Object.keys(this.#json).length;
  }
}

export function fromJson(json: unknown): Value {
  switch (typeof json) {
    case 'string':
    case 'boolean':
      return json;
    case 'number':
      return Number.isInteger(json) ? BigInt(json) : json;
    default:
      if (json === null || json === undefined) return null;
      return Array.isArray(json) ? new CelList(json.map(fromJson)) : new JsonMap(json as object);
  }
}

function mapKey(key: Value): string {
  if (typeof key === 'string') return `s${key}`;
  if (typeof key === 'boolean') return `b${key}`;
  if (typeof key === 'bigint') return `i${key}`;
  if (key instanceof Uint) return `i${key.value}`;
  if (typeof key === 'number') return `i${Number.isInteger(key) ? BigInt(key) : key}`;
  throw new CelError('unsupported key type');
}

/** A variable that is worked out when an expression first reads it, at the expense of that expression's budget. */
export class Lazy {
  readonly #compute: (budget: { left: number }) => Value;
  #done: { value: Value } | { error: unknown } | undefined;
  constructor(compute: (budget: { left: number }) => Value) {
    this.#compute = compute;
  }
  read(frame: { budget: number }): Value {
    if (this.#done === undefined) {
      const budget = { left: frame.budget };
      try {
        this.#done = { value: this.#compute(budget) };
      } catch (error) {
        this.#done = { error };
      }
      frame.budget = budget.left;
    }
    if ('error' in this.#done) throw this.#done.error;
    return this.#done.value;
  }
}

/** What goes wrong while an expression is evaluated; `&&`, `||`, all and exists may absorb it. */
export class CelError extends Error {}

/** The work that an evaluation may do is used up. Never absorbed. */
export class CostExceeded extends Error {}

export const isList = (value: Value): value is CelList => value instanceof CelList;
export const isMap = (value: Value): value is CelMap => typeof value === 'object' && value !== null && 'isMap' in value;
export const isOpaque = (value: Value): value is Opaque =>
  typeof value === 'object' && value !== null && 'opaque' in value;

export function typeOf(value: Value): string {
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'int';
    case 'number':
      return 'double';
    default:
      if (value === null) return 'null_type';
      if (value instanceof Uint) return 'uint';
      if (value instanceof Uint8Array) return 'bytes';
      if (value instanceof Timestamp) return 'google.protobuf.Timestamp';
      if (value instanceof Duration) return 'google.protobuf.Duration';
      if (value instanceof Optional) return 'optional_type';
      if (value instanceof TypeValue) return 'type';
      if (isList(value)) return 'list';
      return isMap(value) ? 'map' : value.opaque;
  }
}

/** Whether a value fits a declared type; of lists and maps only that they are ones. */
export function fits(value: Value, type: CelType): boolean {
  switch (type.kind) {
    case 'dyn':
    case 'param':
      return true;
    case 'null':
      return value === null;
    case 'object':
      return isMap(value);
    case 'optional':
      return value instanceof Optional;
    case 'opaque':
      return isOpaque(value) && value.opaque === type.name;
    case 'timestamp':
      return value instanceof Timestamp;
    case 'duration':
      return value instanceof Duration;
    default:
      return typeOf(value) === type.kind;
  }
}

const asNumber = (value: Value): bigint | number | undefined => {
  if (typeof value === 'bigint' || typeof value === 'number') return value;
  return value instanceof Uint ? value.value : undefined;
};

/** Numbers of different types are equal when they are the same number; other types never equal each other. `spend` is told of every comparison. */
export function equal(a: Value, b: Value, spend: (cost: number) => void): boolean {
  spend(typeof a === 'string' ? a.length * 0.1 : 1);
  const left = asNumber(a);
  const right = asNumber(b);
  // biome-ignore lint/suspicious/noDoubleEquals: compares bigint with number by value
  if (left !== undefined && right !== undefined) return left == right;
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return a === b;
  if (a instanceof Uint8Array) return b instanceof Uint8Array && Buffer.compare(a, b) === 0;
  if (a instanceof Timestamp) return b instanceof Timestamp && a.ns === b.ns;
  if (a instanceof Duration) return b instanceof Duration && a.ns === b.ns;
  if (a instanceof TypeValue) return b instanceof TypeValue && a.name === b.name;
  if (a instanceof Optional) {
    if (!(b instanceof Optional)) return false;
    if (a.value === undefined || b.value === undefined) return a.value === b.value;
    return equal(a.value, b.value, spend);
  }
  if (isList(a)) return isList(b) && equalLists(a, b, spend);
  if (isMap(a)) {
    if (!isMap(b) || a.size !== b.size) return false;
    return a.keys().every((key) => {
      const [mine, other] = [a.get(key), b.get(key)];
      return mine !== undefined && other !== undefined && equal(mine, other, spend);
    });
  }
  return isOpaque(a) && isOpaque(b) && a.opaque === b.opaque && a.equals(b);
}

function equalLists(a: CelList, b: CelList, spend: (cost: number) => void): boolean {
  if (a.items.length !== b.items.length) return false;
  if (!a.unordered && !b.unordered) return a.items.every((item, i) => equal(item, b.items[i] as Value, spend));
  return a.items.every((item) => b.items.some((other) => equal(item, other, spend)));
}

/** Negative, zero or positive; undefined when the two cannot be ordered. */
export function compare(a: Value, b: Value): number | undefined {
  const left = asNumber(a);
  const right = asNumber(b);
  if (left !== undefined && right !== undefined) return left < right ? -1 : left > right ? 1 : 0;
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b));
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b);
  if (a instanceof Timestamp && b instanceof Timestamp) return a.ns < b.ns ? -1 : a.ns > b.ns ? 1 : 0;
  if (a instanceof Duration && b instanceof Duration) return a.ns < b.ns ? -1 : a.ns > b.ns ? 1 : 0;
  return undefined;
}
