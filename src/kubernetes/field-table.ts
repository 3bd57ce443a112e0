/** The facts table of the built-in messages (fields.tsv): protobuf numbers, types, flags, merge and list metadata. */
import { readFileSync } from 'node:fs';

export interface Field {
  /** Name in JSON; of an inlined field, its name in Go. */
  json: string;
  /** Protobuf field number. */
  number: number;
  shape: 'single' | 'list' | 'map';
  /** A scalar, or the full name of a message (`core.v1.PodSpec`). Of a map: its values' (keys are strings). */
  type: string;
  scalar: boolean;
  /** A Go pointer: an explicit zero is meaningful. */
  pointer: boolean;
  /** Left out of JSON when zero. */
  omitEmpty: boolean;
  /** Always written in JSON. */
  required: boolean;
  /** The message's fields stand in the parent's JSON. */
  inline: boolean;
  patchStrategy?: string;
  patchMergeKey?: string;
  listType?: 'map' | 'set' | 'atomic';
  listMapKeys?: readonly string[];
  mapType?: 'atomic' | 'granular';
  structType?: 'atomic' | 'granular';
}

export interface Message {
  /** Package and name: `core.v1.PodSpec`. */
  name: string;
  fields: readonly Field[];
  byNumber: ReadonlyMap<number, Field>;
  /** The whole message is one atomic value. */
  atomic: boolean;
}

/** The message of that full name. A message without fields has no row in the table and is answered empty. */
export function messageOf(name: string): Message {
  return table().get(name) ?? emptyMessage(name);
}

export function hasMessage(name: string): boolean {
  return table().has(name);
}

const scalars: ReadonlySet<string> = new Set(['string', 'bool', 'int32', 'int64', 'double', 'bytes']);
let parsed: Map<string, Message> | undefined;

function table(): Map<string, Message> {
  parsed ??= parse(readFileSync(new URL('./fields.tsv', import.meta.url), 'utf8'));
  return parsed;
}

function emptyMessage(name: string): Message {
  return { name, fields: [], byNumber: new Map(), atomic: false };
}

function parse(text: string): Map<string, Message> {
  const messages = new Map<string, Message & { fields: Field[]; byNumber: Map<number, Field> }>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const cells = line.split('\t');
    const [packageName = '', messageName = '', json = '', number = '', type = ''] = cells;
    const name = `${packageName}.${messageName}`;
    let message = messages.get(name);
    if (message === undefined) {
      message = { name, fields: [], byNumber: new Map(), atomic: false };
      messages.set(name, message);
    }
    if (json === '.') {
      message.atomic = cells[8] === 'structType=atomic';
      continue;
    }
    const field = parseField(packageName, json, Number(number), type, cells);
    message.fields.push(field);
    message.byNumber.set(field.number, field);
  }
  return messages;
}

function parseField(packageName: string, json: string, number: number, type: string, cells: readonly string[]): Field {
  const shape = type.startsWith('[]') ? 'list' : type.startsWith('map<') ? 'map' : 'single';
  const bare = shape === 'list' ? type.slice(2) : shape === 'map' ? type.slice(type.indexOf(',') + 2, -1) : type;
  const scalar = scalars.has(bare);
  const flags = cells[5] ?? '';
  const field: Field = {
    json,
    number,
    shape,
    type: scalar || bare.includes('.') ? bare : `${packageName}.${bare}`,
    scalar,
    pointer: flags.includes('p'),
    omitEmpty: flags.includes('o'),
    required: flags.includes('r'),
    inline: flags.includes('i'),
  };
  const [strategy = '', mergeKey = '', topology = '', listMapKeys = ''] = cells.slice(6);
  if (strategy !== '') field.patchStrategy = strategy;
  if (mergeKey !== '') field.patchMergeKey = mergeKey;
  if (listMapKeys !== '') field.listMapKeys = listMapKeys.split(',');
  const [family, value] = topology.split('=');
  if (value === undefined) {
    if (family === 'map' || family === 'set' || (family === 'atomic' && shape === 'list')) field.listType = family;
  } else if (value === 'atomic' || value === 'granular') {
    if (family === 'mapType') field.mapType = value;
    else field.structType = value;
  }
  return field;
}
