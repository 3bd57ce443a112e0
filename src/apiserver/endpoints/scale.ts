/** The scale subresource: a small view of any kind that has replicas. */
import { formatSelectorObject, type LabelSelector } from '../../apimachinery/label-selector.ts';
import { cloneJson, type DeepReadonly, type Unstructured } from '../../apimachinery/object.ts';
import type { ResourceDefinition } from '../../apimachinery/resource-definition.ts';
import type { Schema } from '../../apimachinery/schema/structural.ts';
import { fieldError, invalid } from '../../apimachinery/status-error.ts';
import { ageColumn, columnsOf, nameColumn } from '../../kubernetes/printing/formats.ts';
import type { BodyTarget } from '../decoding.ts';
import { encodeValue, represent } from '../encoding.ts';
import type { ApiResponse } from '../request.ts';
import { type EndpointContext, encodingOf } from './context.ts';

const integer: Schema = { type: 'integer', format: 'int32' };

export const scaleTarget: BodyTarget = {
  type: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
  typed: true,
  schema: {
    type: 'object',
    properties: {
      metadata: { type: 'object' },
      spec: { type: 'object', properties: { replicas: integer } },
      status: { type: 'object', properties: { replicas: integer, selector: { type: 'string' } } },
    },
  },
};

/** The Scale of an object; a count that is absent reads as 0. */
export function scaleOf(definition: ResourceDefinition, object: DeepReadonly<Unstructured>): Unstructured {
  const paths = definition.scale as NonNullable<ResourceDefinition['scale']>;
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const status: { replicas: number; selector?: string } = { replicas: numberAt(object, paths.statusReplicas) };
  const selector = paths.selector === undefined ? undefined : valueAt(object, paths.selector);
  if (typeof selector === 'string') status.selector = selector;
  else if (typeof selector === 'object' && selector !== null) status.selector = selectorText(selector);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: dropUndefined({ name, namespace, uid, resourceVersion, creationTimestamp }),
    spec: { replicas: numberAt(object, paths.specReplicas) },
    status,
  };
}

/** A Scale as a reply, in the form the client asked for. */
export function scaleReply(context: EndpointContext, scale: Unstructured): ApiResponse {
  return encodeValue(context.format, 200, represent({ ...encodingOf(context), definition: { columns } }, scale));
}

const counted = columnsOf<{ spec: { replicas: number }; status: { replicas: number } }>();
const columns = [
  nameColumn,
  counted.column('Desired', ({ spec }) => spec.replicas, 'integer'),
  counted.column('Available', ({ status }) => status.replicas, 'integer'),
  ageColumn,
];

/** The object with the replicas of a Scale, and its resourceVersion as the condition if it has one. Throws 422. */
export function withScale(
  definition: ResourceDefinition,
  object: DeepReadonly<Unstructured>,
  scale: DeepReadonly<Unstructured>,
): Unstructured {
  const replicas = (scale['spec'] as { replicas?: number } | undefined)?.replicas ?? 0;
  if (replicas < 0)
    throw invalid(scaleTarget.type, object.metadata.name ?? '', [
      fieldError.invalid('spec.replicas', replicas, 'must be greater than or equal to 0'),
    ]);
  const result = cloneJson(object) as Unstructured;
  const paths = definition.scale as NonNullable<ResourceDefinition['scale']>;
  setAt(result, paths.specReplicas, replicas);
  if (scale.metadata.resourceVersion) result.metadata.resourceVersion = scale.metadata.resourceVersion;
  else delete result.metadata.resourceVersion;
  return result;
}

/** ReplicationControllers select by a plain map, the others by a LabelSelector. */
function selectorText(selector: object): string {
  const isPlain = !('matchLabels' in selector) && !('matchExpressions' in selector);
  return formatSelectorObject(
    isPlain ? { matchLabels: selector as Record<string, string> } : (selector as LabelSelector),
  );
}

function valueAt(object: DeepReadonly<Unstructured>, path: string): unknown {
  let value: unknown = object;
  for (const part of pathParts(path)) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}

function numberAt(object: DeepReadonly<Unstructured>, path: string): number {
  const value = valueAt(object, path);
  return typeof value === 'number' ? value : 0;
}

function setAt(object: Unstructured, path: string, value: unknown): void {
  const parts = pathParts(path);
  let parent: Record<string, unknown> = object;
  for (const part of parts.slice(0, -1)) {
    parent[part] ??= {};
    parent = parent[part] as Record<string, unknown>;
  }
  parent[parts.at(-1) as string] = value;
}

/** Where the object keeps the replicas of its Scale. */
export const replicasPath = (definition: ResourceDefinition): string[] =>
  pathParts((definition.scale as NonNullable<ResourceDefinition['scale']>).specReplicas);

const pathParts = (path: string): string[] => path.replace(/^\./, '').split('.');

function dropUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
