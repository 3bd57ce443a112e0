/** Texts of table cells that several kinds share. */

import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import type { TableColumn } from '../../apimachinery/resource-definition.ts';
import { humanDuration } from './human-duration.ts';

/** Time since an RFC 3339 instant; `<unknown>` without one. `now` in milliseconds. */
export function age(time: string | undefined, now: number): string {
  if (time === undefined || time === '') return '<unknown>';
  const milliseconds = Date.parse(time);
  return Number.isNaN(milliseconds) ? '<unknown>' : humanDuration(now - milliseconds);
}

/** `a=1,b=2`, sorted; `<none>` when empty. */
export function labelsText(labels: { readonly [key: string]: string } | undefined): string {
  const entries = Object.entries(labels ?? {});
  if (entries.length === 0) return '<none>';
  return entries
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(',');
}

export interface Selector {
  readonly matchLabels?: { readonly [key: string]: string } | undefined;
  readonly matchExpressions?:
    | readonly { readonly key: string; readonly operator: string; readonly values?: readonly string[] | undefined }[]
    | undefined;
}

/** A LabelSelector as text: `a=1,b in (x,y),!c`; `<none>` when empty, `<error>` when it does not parse. */
export function selectorText(selector: Selector | undefined, empty = '<none>', bad = '<error>'): string {
  const requirements: { key: string; text: string }[] = [];
  for (const [key, value] of Object.entries(selector?.matchLabels ?? {}))
    requirements.push({ key, text: `${key}=${value}` });
  for (const { key, operator, values } of selector?.matchExpressions ?? []) {
    const text = requirementText(key, operator, [...(values ?? [])].sort());
    if (text === undefined) return bad;
    requirements.push({ key, text });
  }
  if (requirements.length === 0) return empty;
  requirements.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return requirements.map((requirement) => requirement.text).join(',');
}

function requirementText(key: string, operator: string, values: readonly string[]): string | undefined {
  switch (operator) {
    case 'In':
      return values.length > 0 ? `${key} in (${values.join(',')})` : undefined;
    case 'NotIn':
      return values.length > 0 ? `${key} notin (${values.join(',')})` : undefined;
    case 'Exists':
      return values.length === 0 ? key : undefined;
    case 'DoesNotExist':
      return values.length === 0 ? `!${key}` : undefined;
    default:
      return undefined;
  }
}

interface Containers {
  readonly containers?: readonly { readonly name: string; readonly image?: string | undefined }[] | undefined;
}

export const containerNames = (spec: Containers | undefined): string =>
  (spec?.containers ?? []).map((container) => container.name).join(',');

export const containerImages = (spec: Containers | undefined): string =>
  (spec?.containers ?? []).map((container) => container.image ?? '').join(',');

/** The first `max` joined by `separator`, then ` + N more...`. `total` where more exist than are listed. */
export function moreText(items: readonly string[], max: number, separator = ',', total = items.length): string {
  const shown = items.slice(0, max).join(separator);
  return total > max ? `${shown} + ${total - max} more...` : shown;
}

const accessModeTexts: readonly (readonly [string, string])[] = [
  ['ReadWriteOnce', 'RWO'],
  ['ReadOnlyMany', 'ROX'],
  ['ReadWriteMany', 'RWX'],
  ['ReadWriteOncePod', 'RWOP'],
];

export function accessModesText(modes: readonly string[] | undefined): string {
  return accessModeTexts
    .filter(([mode]) => modes?.includes(mode))
    .map(([, text]) => text)
    .join(',');
}

/** Addresses of a load balancer: sorted, each once, host names where there is no IP. */
export function loadBalancerAddresses(
  ingress: readonly { readonly ip?: string | undefined; readonly hostname?: string | undefined }[] | undefined,
): string[] {
  const addresses = (ingress ?? [])
    .map((entry) => entry.ip || entry.hostname || '')
    .filter((address) => address !== '');
  return [...new Set(addresses)].sort();
}

type Cell = TableColumn['cell'];
type Row<T> = (object: DeepReadonly<T>, now: number) => string | number | boolean | null;

/** Columns of one kind, its cells written against the kind's static type. */
export function columnsOf<T>(): {
  column(name: string, cell: Row<T>, type?: TableColumn['type']): TableColumn;
  wide(name: string, cell: Row<T>, type?: TableColumn['type']): TableColumn;
} {
  const make = (name: string, cell: Row<T>, type: TableColumn['type'], priority: number): TableColumn => ({
    name,
    type,
    priority,
    cell: cell as unknown as Cell,
  });
  return {
    column: (name, cell, type = 'string') => make(name, cell, type, 0),
    wide: (name, cell, type = 'string') => make(name, cell, type, 1),
  };
}

export const nameColumn: TableColumn = {
  name: 'Name',
  type: 'string',
  format: 'name',
  cell: (object: DeepReadonly<Unstructured>) => object.metadata.name ?? '',
};

export const ageColumn: TableColumn = {
  name: 'Age',
  type: 'string',
  cell: (object, now) => age(object.metadata.creationTimestamp, now),
};

/** The generic table of built-in kinds: the instant itself, not an age. */
export const createdAtColumn: TableColumn = {
  name: 'Created At',
  type: 'date',
  cell: (object) => object.metadata.creationTimestamp ?? null,
};
