/** meta.k8s.io Tables, which `kubectl get` prints, and PartialObjectMetadata. */
import type { DeepReadonly, ListMeta, ObjectMeta, Unstructured } from '../../apimachinery/object.ts';
import type { ResourceDefinition, TableColumn } from '../../apimachinery/resource-definition.ts';

export type TableApiVersion = 'meta.k8s.io/v1' | 'meta.k8s.io/v1beta1';
/** What `rows[].object` holds (query includeObject): nothing, the metadata (default) or the whole object. */
export type IncludeObject = 'None' | 'Metadata' | 'Object';
export type Cell = string | number | boolean | null;

export interface TableOptions {
  /** Default meta.k8s.io/v1. */
  apiVersion?: TableApiVersion;
  /** Default Metadata. */
  includeObject?: IncludeObject;
  /** Milliseconds since the epoch, for ages. */
  now: number;
}

export interface TableColumnDefinition {
  name: string;
  type: string;
  format: string;
  description: string;
  priority: number;
}

export interface TableRow {
  cells: Cell[];
  conditions?: { type: string; status: string; reason: string; message: string }[];
  object?: unknown;
}

export interface Table {
  kind: 'Table';
  apiVersion: TableApiVersion;
  metadata: Partial<ListMeta>;
  columnDefinitions: TableColumnDefinition[];
  rows: TableRow[];
}

export interface PartialObjectMetadata {
  kind: 'PartialObjectMetadata';
  apiVersion: 'meta.k8s.io/v1';
  metadata: DeepReadonly<ObjectMeta>;
}

/** A table of `objects` (one for GET and writes, none for a bookmark). `metadata` is the list's, or of the one object its resourceVersion. */
export function toTable(
  definition: Pick<ResourceDefinition, 'columns' | 'tableOrder'>,
  objects: readonly DeepReadonly<Unstructured>[],
  metadata: Partial<ListMeta>,
  options: TableOptions,
): Table {
  const { tableOrder } = definition;
  const ordered = tableOrder === undefined ? objects : [...objects].sort(tableOrder);
  return {
    kind: 'Table',
    apiVersion: options.apiVersion ?? 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: tableColumnDefinitions(definition),
    rows: ordered.map((object) => toTableRow(definition, object, options)),
  };
}

/** All columns, those of `-o wide` too: the client hides what it does not show. */
export function tableColumnDefinitions(definition: Pick<ResourceDefinition, 'columns'>): TableColumnDefinition[] {
  return columnsOf(definition).map((column, index) => ({
    name: column.name,
    type: column.type,
    format: column.format ?? (index === 0 && column.name === 'Name' ? 'name' : ''),
    description: column.description ?? '',
    priority: column.priority ?? 0,
  }));
}

export function toTableRow(
  definition: Pick<ResourceDefinition, 'columns'>,
  object: DeepReadonly<Unstructured>,
  options: TableOptions,
): TableRow {
  const row: TableRow = { cells: columnsOf(definition).map((column) => cellOf(column, object, options.now)) };
  const condition = completedPodCondition(object);
  if (condition !== undefined) row.conditions = [condition];
  const include = options.includeObject ?? 'Metadata';
  if (include === 'Metadata') row.object = partialObjectMetadata(object);
  else if (include === 'Object') row.object = object;
  return row;
}

/** A Status printed as a table, for replies to DELETE. */
export function statusTable(status: DeepReadonly<{ status?: string; reason?: string; message?: string }>): Table {
  const column = (name: string): TableColumnDefinition => ({
    name,
    type: 'string',
    format: '',
    description: '',
    priority: 0,
  });
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: {},
    columnDefinitions: ['Status', 'Reason', 'Message'].map(column),
    rows: [{ cells: [status.status ?? '', status.reason ?? '', status.message ?? ''] }],
  };
}

export function partialObjectMetadata(object: DeepReadonly<{ metadata: ObjectMeta }>): PartialObjectMetadata {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
}

/** Upstream's generic table, for kinds without columns of their own. */
const genericColumns: readonly TableColumn[] = [
  { name: 'Name', type: 'string', format: 'name', cell: (object) => object.metadata.name ?? '' },
  { name: 'Created At', type: 'date', cell: (object) => object.metadata.creationTimestamp ?? null },
];

function columnsOf(definition: Pick<ResourceDefinition, 'columns'>): readonly TableColumn[] {
  return definition.columns ?? genericColumns;
}

/** An object of unexpected shape must not break a listing: the cell says so. */
function cellOf(column: TableColumn, object: DeepReadonly<Unstructured>, now: number): Cell {
  try {
    return column.cell(object, now);
  } catch {
    return column.type === 'string' ? '<error>' : null;
  }
}

/** Old clients hide finished pods by this row condition. */
function completedPodCondition(object: DeepReadonly<Unstructured>) {
  if (object.kind !== 'Pod' || object.apiVersion !== 'v1') return undefined;
  const phase = (object['status'] as { phase?: string } | undefined)?.phase;
  if (phase === 'Succeeded')
    return {
      type: 'Completed',
      status: 'True',
      reason: 'Succeeded',
      message: 'The pod has completed successfully.',
    };
  if (phase === 'Failed') return { type: 'Completed', status: 'True', reason: 'Failed', message: 'The pod failed.' };
  return undefined;
}
