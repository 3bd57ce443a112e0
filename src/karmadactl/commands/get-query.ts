import { type ResourceType, resourcePath } from '../../apimachinery/group-version.ts';
import type { Unstructured } from '../../apimachinery/object.ts';
import type { OperationScope, Target } from '../member-access.ts';
import type { ObjectPrinter } from '../printing/objects.ts';
import type { ServerTable } from '../printing/resource-table.ts';

/** What `get` was asked for, and what each server answered. */
export type Format = 'table' | 'wide' | { print: ObjectPrinter };

export interface Query {
  readonly scope: OperationScope;
  readonly clusters: readonly string[];
  readonly namespace: string;
  readonly labels: string;
  readonly 'no-headers': boolean;
  readonly 'show-labels': boolean;
  readonly 'show-kind': boolean;
  readonly 'label-columns': readonly string[];
  readonly 'ignore-not-found': boolean;
  readonly 'show-managed-fields': boolean;
  readonly 'watch-only': boolean;
  readonly 'output-watch-events': boolean;
  readonly 'sort-by': string;
  readonly output: string;
}

/** What one server answered for one type. */
export interface Answer {
  target: Target;
  type: ResourceType;
  names: readonly string[];
  tables: ServerTable[];
  objects: Unstructured[];
  resourceVersion: string;
}

export function pathOf(type: ResourceType, query: Query, name?: string): string {
  return name === undefined
    ? resourcePath(type, { namespace: query.namespace })
    : resourcePath(type, { namespace: query.namespace || 'default', name });
}

export const typeKey = ({ group, version, resource }: ResourceType): string =>
  `${group}/${version}, Resource=${resource}`;
