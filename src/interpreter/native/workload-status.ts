/** What the kinds with pod templates have in common: reflected fields and the sum of their members' statuses. */

import type { Unstructured } from '../../apimachinery/object.ts';
import { templateGenerationAnnotation } from '../../apis/constants.ts';
import type { AggregatedItem, ReflectedStatus } from '../interpreter.ts';
import {
  type Fields,
  fieldsAt,
  numberAt,
  pickStatus,
  reportedStatuses,
  type Shared,
  setCounters,
  sumOf,
  withStatus,
} from './kind-interpreter.ts';

/**
 * The status fields named, with the member's generation and the template generation that the manifest carried.
 * @throws when the member object does not say which template generation it holds
 */
export function reflectWorkload(
  object: Shared,
  keys: readonly string[],
  options: { emptyIsNothing: boolean },
): ReflectedStatus {
  const status = fieldsAt(object, 'status');
  if (status === undefined) return null;
  if (options.emptyIsNothing && Object.keys(status).length === 0) return null;
  const reflected: Record<string, unknown> = {};
  const generation = object.metadata.generation ?? 0;
  if (generation !== 0) reflected['generation'] = generation;
  const templateGeneration = parseTemplateGeneration(object);
  if (templateGeneration !== 0) reflected['resourceTemplateGeneration'] = templateGeneration;
  return Object.assign(reflected, pickStatus(status, keys));
}

function parseTemplateGeneration(object: Shared): number {
  const text = object.metadata.annotations?.[templateGenerationAnnotation];
  if (text === undefined || !/^[+-]?\d+$/.test(text))
    throw new Error(
      `annotation ${templateGenerationAnnotation} of ${object.kind} ${object.metadata.namespace ?? ''}/${object.metadata.name ?? ''} is ${text === undefined ? 'missing' : `no integer: "${text}"`}`,
    );
  return Number(text);
}

/** Sums of the counters; observedGeneration follows the template once every member has acted on that generation. */
export function aggregateWorkload(
  object: Shared,
  items: readonly AggregatedItem[],
  counters: readonly string[],
  observed: (status: Fields) => boolean = (status) => hasObserved(status, object.metadata.generation ?? 0),
): Unstructured {
  const statuses = reportedStatuses(items);
  const status: Record<string, unknown> = { ...fieldsAt(object, 'status') };
  setCounters(status, Object.fromEntries(counters.map((key) => [key, sumOf(statuses, key)])));
  const all = items.every(
    (item) => item.status !== undefined && item.status !== null && observed(item.status as Fields),
  );
  if (all) setCounters(status, { observedGeneration: object.metadata.generation ?? 0 });
  return withStatus(object, status);
}

function hasObserved(status: Fields, templateGeneration: number): boolean {
  return (
    numberAt(status, 'observedGeneration') >= numberAt(status, 'generation') &&
    numberAt(status, 'resourceTemplateGeneration') >= templateGeneration
  );
}
