/**
 * Sets of field paths in the wire form of managedFields (fieldsV1): nested objects whose keys are path elements: `f:name` (a
 * field or map key), `k:{"name":"x"}` (an item of an associative list), `v:"x"` (an element of a set). A node without
 * children is a path in the set; a node with children is one itself if it holds the key `.`. Sets are never changed in
 * place: every operation shares what it leaves as it was, and gives back its first operand when nothing changes.
 */

export interface FieldSet {
  readonly [element: string]: FieldSet;
}

/** The set of no paths. As the node of a path it is a leaf: the path is in the set. */
export const emptySet: FieldSet = {};
const leaf: FieldSet = emptySet;

/** Writable while it is being built. */
export type FieldSetDraft = { [element: string]: FieldSet };

/** `f:name`. The same names stand in most objects: their elements are made once. */
export function fieldElement(name: string): string {
  let element = fieldElements.get(name);
  if (element === undefined) {
    element = `f:${name}`;
    if (fieldElements.size < maxFieldElements) fieldElements.set(name, element);
  }
  return element;
}

const fieldElements = new Map<string, string>();
/** Built-in kinds have some two thousand names; keys of free maps fill the rest. */
const maxFieldElements = 4096;

export function isEmptySet(set: FieldSet): boolean {
  for (const _ in set) return false;
  return true;
}

/** Whether the path that leads to this node is itself in the set. */
export function isMember(node: FieldSet): boolean {
  return '.' in node || isEmptySet(node);
}

/** Paths of either. */
export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b || isEmptySet(b)) return a;
  return isEmptySet(a) ? b : unionNodes(a, b, false, false);
}

function unionNodes(a: FieldSet, b: FieldSet, aMember: boolean, bMember: boolean): FieldSet {
  let result: FieldSetDraft | undefined;
  const change = (): FieldSetDraft => {
    result ??= { ...a };
    return result;
  };
  for (const element in b) {
    if (element === '.') continue;
    const mine = a[element];
    const theirs = b[element] as FieldSet;
    if (mine === undefined) {
      change()[element] = theirs;
      continue;
    }
    const merged = unionNodes(mine, theirs, isMember(mine), isMember(theirs));
    if (merged !== mine) change()[element] = merged;
  }
  const node = result ?? a;
  // A leaf that gets children says so from now on.
  if ((aMember || bMember) && !('.' in node) && !isEmptySet(node)) return { '.': leaf, ...node };
  return node;
}

/** Paths of `a` that are not in `b`; what lies below a path of `b` stays. */
export const difference = (a: FieldSet, b: FieldSet): FieldSet => without(a, b, false);

/** Paths of `a` that are neither in `b` nor below a path of `b`. */
export const recursiveDifference = (a: FieldSet, b: FieldSet): FieldSet => without(a, b, true);

function without(a: FieldSet, b: FieldSet, recursive: boolean): FieldSet {
  let result: FieldSetDraft | undefined;
  for (const element in a) {
    const theirs = b[element];
    if (element === '.' || theirs === undefined) continue;
    const mine = a[element] as FieldSet;
    const kept = nodeWithout(mine, theirs, recursive);
    if (kept === mine) continue;
    result ??= { ...a };
    if (kept === undefined) delete result[element];
    else result[element] = kept;
  }
  return result ?? a;
}

function nodeWithout(mine: FieldSet, theirs: FieldSet, recursive: boolean): FieldSet | undefined {
  const taken = isMember(theirs);
  if (taken && recursive) return undefined;
  const wasMember = isMember(mine);
  const below = without(mine, theirs, recursive);
  if (below === mine && !(wasMember && taken)) return mine;
  const { '.': _self, ...children } = below;
  if (isEmptySet(children)) return wasMember && !taken ? leaf : undefined;
  return wasMember && !taken ? { '.': leaf, ...children } : children;
}

/** Paths that are in both. */
export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  const result: FieldSetDraft = {};
  for (const element in a) {
    const theirs = b[element];
    if (element === '.' || theirs === undefined) continue;
    const mine = a[element] as FieldSet;
    const below = intersection(mine, theirs);
    const both = isMember(mine) && isMember(theirs);
    if (!isEmptySet(below)) result[element] = both ? { '.': leaf, ...below } : below;
    else if (both) result[element] = leaf;
  }
  return result;
}

/** The same paths, whatever the order they are written in. */
export function equalSets(a: FieldSet, b: FieldSet): boolean {
  if (a === b) return true;
  return equalNodes(a, b);
}

function equalNodes(a: FieldSet, b: FieldSet): boolean {
  let count = 0;
  for (const element in a) {
    const other = b[element];
    if (other === undefined || !equalNodes(a[element] as FieldSet, other)) return false;
    count++;
  }
  for (const _ in b) count--;
  return count === 0;
}

/** The canonical order of fieldsV1: `.`, fields by name, items by their keys, elements of sets. */
export function sortSet(set: FieldSet): FieldSet {
  const elements = Object.keys(set);
  const sorted: FieldSetDraft = {};
  // Most nodes hold fields only, which sort as the texts they are.
  for (const element of elements.every(isPlainField) ? elements.sort() : elements.sort(compareElements)) {
    const node = set[element] as FieldSet;
    sorted[element] = isEmptySet(node) ? leaf : sortSet(node);
  }
  return sorted;
}

const isPlainField = (element: string): boolean => (element[0] === 'f' || element === '.') && isPlain(element);

const kinds = ['.', 'f', 'k', 'v', 'i'];

function compareElements(a: string, b: string): number {
  const order = kinds.indexOf(a[0] as string) - kinds.indexOf(b[0] as string);
  if (order !== 0) return order;
  if (a.startsWith('k:')) return compareKeys(JSON.parse(a.slice(2)), JSON.parse(b.slice(2)));
  if (a.startsWith('v:')) return compareScalars(JSON.parse(a.slice(2)), JSON.parse(b.slice(2)));
  if (a.startsWith('i:')) return Number(a.slice(2)) - Number(b.slice(2));
  return compareText(a, b);
}

function compareKeys(a: Record<string, unknown>, b: Record<string, unknown>): number {
  const names = Object.keys(a);
  const others = Object.keys(b);
  for (let i = 0; i < names.length && i < others.length; i++) {
    const name = names[i] as string;
    const other = others[i] as string;
    const order = compareText(name, other) || compareScalars(a[name], b[other]);
    if (order !== 0) return order;
  }
  return names.length - others.length;
}

function compareScalars(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return compareText(String(a), String(b));
}

/** By bytes, as Go compares strings. */
const compareText = (a: string, b: string): number =>
  a === b ? 0 : isPlain(a) && isPlain(b) ? (a < b ? -1 : 1) : Buffer.compare(Buffer.from(a), Buffer.from(b));

/** Without surrogates UTF-16 sorts like UTF-8. */
const isPlain = (text: string): boolean => !/[\ud800-\udfff]/.test(text);

/**
 * Reads fieldsV1 that somebody sent: unknown kinds of elements are dropped, item keys are written in order. Undefined when
 * it is no set of paths.
 */
export function parseFieldSet(value: unknown): FieldSet | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const result: FieldSetDraft = {};
  for (const [element, below] of Object.entries(value)) {
    const node = parseFieldSet(below);
    if (node === undefined) return undefined;
    if (element === '.') {
      result['.'] = leaf;
      continue;
    }
    const canonical = canonicalElement(element);
    if (canonical === 'unknown') continue;
    if (canonical === undefined) return undefined;
    result[canonical] = node;
  }
  return result;
}

function canonicalElement(element: string): string | 'unknown' | undefined {
  if (element.startsWith('f:')) return element;
  const prefix = element.slice(0, 2);
  if (prefix !== 'k:' && prefix !== 'v:' && prefix !== 'i:') return element[1] === ':' ? 'unknown' : undefined;
  let value: unknown;
  try {
    value = JSON.parse(element.slice(2));
  } catch {
    return undefined;
  }
  if (prefix === 'i:') return Number.isInteger(value) ? `i:${value}` : undefined;
  if (prefix === 'v:') return `v:${JSON.stringify(value)}`;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return keyElement(value as Record<string, unknown>);
}

/** `k:{"containerPort":80,"protocol":"TCP"}` */
export function keyElement(keys: Readonly<Record<string, unknown>>): string {
  const sorted: Record<string, unknown> = {};
  for (const name of Object.keys(keys).sort()) sorted[name] = keys[name];
  return `k:${JSON.stringify(sorted)}`;
}

/** Every path of the set as people read it (`.spec.containers[name="c"].image`), in canonical order. */
export function pathTexts(set: FieldSet): string[] {
  const paths: string[] = [];
  collectTexts(sortSet(set), '', paths);
  return paths;
}

function collectTexts(node: FieldSet, prefix: string, paths: string[]): void {
  for (const element in node) {
    if (element === '.') continue;
    const below = node[element] as FieldSet;
    const path = prefix + elementText(element);
    if (isMember(below)) paths.push(path);
    collectTexts(below, path, paths);
  }
}

export function elementText(element: string): string {
  const rest = element.slice(2);
  switch (element[0]) {
    case 'f':
      return `.${rest}`;
    case 'k': {
      const keys = Object.entries(JSON.parse(rest) as Record<string, unknown>);
      return `[${keys.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(',')}]`;
    }
    case 'v':
      return `[=${rest}]`;
    default:
      return `[${rest}]`;
  }
}
