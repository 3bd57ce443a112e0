/** Types of the Common Expression Language, with the size bounds that a schema gives (for estimating what a rule may cost). */

export type CelType =
  | { kind: SimpleKind }
  | { kind: 'string' | 'bytes'; max?: number }
  | { kind: 'list'; item: CelType; max?: number }
  | { kind: 'map'; key: CelType; value: CelType; max?: number }
  | { kind: 'object'; name: string; fields: ReadonlyMap<string, CelType> }
  | { kind: 'optional'; value: CelType }
  | { kind: 'opaque'; name: string }
  | { kind: 'param'; name: string };

type SimpleKind = 'dyn' | 'bool' | 'int' | 'uint' | 'double' | 'null' | 'type' | 'timestamp' | 'duration';

const simpleKinds: readonly string[] = [
  ...['dyn', 'bool', 'int', 'uint', 'double', 'null', 'type', 'timestamp', 'duration', 'string', 'bytes'],
];

export const dyn: CelType = { kind: 'dyn' };
export const bool: CelType = { kind: 'bool' };
export const int: CelType = { kind: 'int' };
const mapOf = (key: CelType, value: CelType): Sized => ({ kind: 'map', key, value });
export const listOf = (item: CelType, max?: number): Sized =>
  max === undefined ? { kind: 'list', item } : { kind: 'list', item, max };
export const optionalOf = (value: CelType): CelType => ({ kind: 'optional', value });

/** `list<string>`, `optional<A>`, `map<string, dyn>`, `kubernetes.Quantity`; one capital letter is a type parameter. */
export function parseType(text: string): CelType {
  const trimmed = text.trim();
  const generic = /^(list|optional|map)<(.*)>$/.exec(trimmed);
  if (generic !== null) {
    const [first = '', second = ''] = splitTop(generic[2] as string);
    if (generic[1] === 'list') return listOf(parseType(first));
    if (generic[1] === 'optional') return optionalOf(parseType(first));
    return { kind: 'map', key: parseType(first), value: parseType(second) };
  }
  if (/^[A-Z]$/.test(trimmed)) return { kind: 'param', name: trimmed };
  if (simpleKinds.includes(trimmed)) return { kind: trimmed as SimpleKind };
  return { kind: 'opaque', name: trimmed };
}

/** Splits at commas that are not inside `<>`. */
export function splitTop(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let part = '';
  for (const character of text) {
    if (character === '<') depth++;
    if (character === '>') depth--;
    if (character === ',' && depth === 0) {
      parts.push(part.trim());
      part = '';
    } else part += character;
  }
  if (part.trim() !== '') parts.push(part.trim());
  return parts;
}

export function typeName(type: CelType): string {
  switch (type.kind) {
    case 'list':
      return `list(${typeName(type.item)})`;
    case 'map':
      return `map(${typeName(type.key)}, ${typeName(type.value)})`;
    case 'optional':
      return `optional_type(${typeName(type.value)})`;
    case 'object':
    case 'opaque':
    case 'param':
      return type.name;
    case 'timestamp':
      return 'google.protobuf.Timestamp';
    case 'duration':
      return 'google.protobuf.Duration';
    default:
      return type.kind;
  }
}

/** Whether a value of type `actual` can stand where `wanted` is asked for; binds type parameters of `wanted`. */
export function accepts(wanted: CelType, actual: CelType, bindings: Map<string, CelType>): boolean {
  if (wanted.kind === 'param') {
    const bound = bindings.get(wanted.name);
    if (bound === undefined || bound.kind === 'dyn') {
      bindings.set(wanted.name, actual);
      return true;
    }
    return accepts(bound, actual, bindings);
  }
  if (wanted.kind === 'dyn' || actual.kind === 'dyn' || actual.kind === 'param') return true;
  if (actual.kind === 'null') return nullable.has(wanted.kind);
  if (wanted.kind === 'null') return nullable.has(actual.kind);
  if (wanted.kind === 'list') return actual.kind === 'list' && accepts(wanted.item, actual.item, bindings);
  if (wanted.kind === 'map')
    return (
      actual.kind === 'map' &&
      accepts(wanted.key, actual.key, bindings) &&
      accepts(wanted.value, actual.value, bindings)
    );
  if (wanted.kind === 'optional') return actual.kind === 'optional' && accepts(wanted.value, actual.value, bindings);
  if (wanted.kind === 'object' || wanted.kind === 'opaque')
    return actual.kind === wanted.kind && actual.name === wanted.name;
  return wanted.kind === actual.kind;
}

const nullable: ReadonlySet<string> = new Set(['null', 'dyn', 'object', 'opaque', 'optional', 'timestamp', 'duration']);

/** Type parameters replaced; unbound ones become dyn. */
export function substitute(type: CelType, bindings: ReadonlyMap<string, CelType>): CelType {
  switch (type.kind) {
    case 'param':
      return bindings.get(type.name) ?? dyn;
    case 'list':
      return { ...type, item: substitute(type.item, bindings) };
    case 'map':
      return { ...type, key: substitute(type.key, bindings), value: substitute(type.value, bindings) };
    case 'optional':
      return optionalOf(substitute(type.value, bindings));
    default:
      return type;
  }
}

/** The type of an expression that is either of two; undefined when they do not go together. */
export function join(a: CelType, b: CelType): CelType | undefined {
  if (a.kind === 'dyn' || b.kind === 'dyn') return dyn;
  if (a.kind === 'param') return b;
  if (b.kind === 'param') return a;
  if (!accepts(a, b, new Map())) return undefined;
  if (a.kind === 'list' && b.kind === 'list') return withMax(listOf(join(a.item, b.item) ?? dyn), a.max, b.max);
  if (a.kind === 'map' && b.kind === 'map')
    return withMax(mapOf(join(a.key, b.key) ?? dyn, join(a.value, b.value) ?? dyn), a.max, b.max);
  if (a.kind === 'optional' && b.kind === 'optional') return optionalOf(join(a.value, b.value) ?? dyn);
  if (a.kind === 'string' && b.kind === 'string') return withMax({ kind: 'string' }, a.max, b.max);
  if (a.kind === 'bytes' && b.kind === 'bytes') return withMax({ kind: 'bytes' }, a.max, b.max);
  return a.kind === 'null' ? b : a;
}

type Sized = Extract<CelType, { max?: number }>;

function withMax(type: Sized, a: number | undefined, b: number | undefined): CelType {
  return a === undefined || b === undefined ? type : { ...type, max: Math.max(a, b) };
}

/** The most elements or characters a value of the type may have, for estimates. */
export function sizeBound(type: CelType): number {
  if (type.kind === 'list' || type.kind === 'map' || type.kind === 'string' || type.kind === 'bytes')
    return type.max ?? maxRequestBytes;
  return type.kind === 'dyn' ? maxRequestBytes : 1;
}

/** No object is bigger than the request that brought it. */
export const maxRequestBytes = 3 * 1024 * 1024;
