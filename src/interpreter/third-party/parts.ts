/** What the kinds of several projects have in common: reflected fields, sums and merged conditions, components. */
import { cloneJson, type Unstructured } from '../../apimachinery/object.ts';
import { templateGenerationAnnotation } from '../../apis/constants.ts';
import type { Component } from '../../apis/work/v1alpha2/resource-binding.ts';
import type { AggregatedItem, DependentObjectReference } from '../interpreter.ts';
import {
  type Fields,
  fieldsAt,
  type KindInterpreter,
  listAt,
  numberAt,
  reportedStatuses,
  type Shared,
  sumOf,
  textAt,
  withStatus,
} from '../native/kind-interpreter.ts';
import { podRequirements } from '../native/pod-requirements.ts';
import { replicasOfTemplate, specInteger } from '../native/replicas.ts';

export type Status = Record<string, unknown>;

/** Replicas in `spec.<field>` of a kind with `spec.template`; an absent field counts `absent` and is written all the same. */
export function replicasIn(field: string, absent: number): Pick<KindInterpreter, 'InterpretReplica' | 'ReviseReplica'> {
  return {
    InterpretReplica: (object) => replicasOfTemplate(object, specInteger(object, field) ?? absent),
    ReviseReplica: (object, replicas) => withSpecField(object, field, replicas),
  };
}

export function withSpecField(object: Shared, field: string, value: unknown): Unstructured {
  const copy = cloneJson<Unstructured>(object);
  copy['spec'] = { ...(copy['spec'] as object | undefined), [field]: value };
  return copy;
}

/** Keeps that somebody paused the object in the member, or let it go on. */
export function retainSuspend(desired: Shared, observed: Shared): Unstructured {
  const suspend = fieldsAt(observed, 'spec')?.['suspend'];
  return suspend === undefined ? cloneJson<Unstructured>(desired) : withSpecField(desired, 'suspend', suspend);
}

/** The named fields of the status; `{}` without a status. */
export function reflect(...keys: readonly string[]): (object: Shared) => Status {
  return (object) => {
    const status = fieldsAt(object, 'status');
    const reflected: Status = {};
    for (const key of keys) if (status?.[key] !== undefined) reflected[key] = cloneJson(status[key]);
    return withoutEmpty(reflected);
  };
}

/** The same, with what tells which template generation the member has acted on. */
export function reflectWithGeneration(...keys: readonly string[]): (object: Shared) => Status {
  const fields = reflect(...keys);
  return (object) => {
    if (fieldsAt(object, 'status') === undefined) return {};
    const reflected = fields(object);
    if (object.metadata.generation !== undefined) reflected['generation'] = object.metadata.generation;
    const carried = object.metadata.annotations?.[templateGenerationAnnotation];
    if (carried !== undefined && /^\d+$/.test(carried)) reflected['resourceTemplateGeneration'] = Number(carried);
    return reflected;
  };
}

/** The template's generation once every member has acted on it, until then what was told before. */
export function observedByAll(object: Shared, items: readonly AggregatedItem[]): number {
  const generation = object.metadata.generation ?? 0;
  const all = items.every(({ status }) => {
    const fields = fieldsAt(status);
    return (
      numberAt(fields, 'resourceTemplateGeneration') === generation &&
      numberAt(fields, 'generation') === numberAt(fields, 'observedGeneration')
    );
  });
  return all ? generation : numberAt(fieldsAt(object, 'status'), 'observedGeneration');
}

/** The generation that the last reporting member has observed. */
export function lastObserved(object: Shared, items: readonly AggregatedItem[]): number {
  const told = lastOf(reportedStatuses(items), 'observedGeneration');
  return typeof told === 'number' ? told : (object.metadata.generation ?? 0);
}

export function sums(items: readonly AggregatedItem[], keys: readonly string[]): Status {
  const statuses = reportedStatuses(items);
  return Object.fromEntries(keys.map((key) => [key, sumOf(statuses, key)]));
}

/** The last value that is given and not empty. */
export function lastOf(statuses: readonly Fields[], key: string): unknown {
  return statuses.findLast((status) => isGiven(status[key]))?.[key];
}

/** For each key the last value given; keys without any are left out. */
export function latest(items: readonly AggregatedItem[], keys: readonly string[]): Status {
  const statuses = reportedStatuses(items);
  return Object.fromEntries(
    keys.flatMap((key) => {
      const value = lastOf(statuses, key);
      return value === undefined ? [] : [[key, cloneJson(value)]];
    }),
  );
}

/** Of times in RFC 3339, which order as texts. */
export function earliest(statuses: readonly Fields[], key: string): string | undefined {
  return timesOf(statuses, key)[0];
}

export function newest(statuses: readonly Fields[], key: string): string | undefined {
  return timesOf(statuses, key).at(-1);
}

function timesOf(statuses: readonly Fields[], key: string): string[] {
  return statuses
    .map((status) => textAt(status, key))
    .filter((time) => time !== '')
    .sort();
}

/** Conditions of one type, status and reason become one, whose message says what each cluster told. */
export function mergeConditions(items: readonly AggregatedItem[]): Status[] {
  const merged = new Map<string, Status>();
  for (const { clusterName, status } of items) {
    for (const condition of listAt(fieldsAt(status), 'conditions')) {
      const key = JSON.stringify([condition['type'], condition['status'], condition['reason']]);
      const message = `${clusterName}=${textAt(condition, 'message')}`;
      const known = merged.get(key);
      if (known === undefined) merged.set(key, { ...cloneJson<Status>(condition), message });
      else known['message'] = `${String(known['message'])}, ${message}`;
    }
  }
  return [...merged.values()];
}

export function allConditions(items: readonly AggregatedItem[]): Status[] {
  return reportedStatuses(items).flatMap((status) =>
    listAt(status, 'conditions').map((each) => cloneJson<Status>(each)),
  );
}

/** The object at a field of each status that has one. */
export function fieldOf(statuses: readonly Fields[], key: string): Fields[] {
  return statuses.map((status) => fieldsAt(status, key)).filter((fields) => fields !== undefined);
}

export function isTrue(status: Fields | undefined, type: string): boolean {
  return listAt(status, 'conditions').some((entry) => entry['type'] === type && entry['status'] === 'True');
}

/** The template with fields of its status replaced; empty lists and objects are left out. */
export function mergeStatus(object: Shared, fields: Status): Unstructured {
  return withStatus(object, withoutEmpty({ ...fieldsAt(object, 'status'), ...fields }));
}

export function replaceStatus(object: Shared, fields: Status): Unstructured {
  return withStatus(object, withoutEmpty(fields));
}

/** Without lists and objects that hold nothing, at any depth. */
export function withoutEmpty(fields: Fields): Status {
  const kept: Status = {};
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined || value === null) continue;
    if (typeof value !== 'object') kept[key] = value;
    else if (Array.isArray(value)) {
      if (value.length > 0) kept[key] = value;
    } else {
      const inner = withoutEmpty(value as Fields);
      if (Object.keys(inner).length > 0) kept[key] = inner;
    }
  }
  return kept;
}

/** Also without zeros and empty texts, as Go's `omitempty` writes it. */
export function withoutZeros(fields: Fields): Status {
  return withoutEmpty(
    Object.fromEntries(
      Object.entries(withoutEmpty(fields)).flatMap(([key, value]) => {
        if (value === 0 || value === '' || value === '0s') return [];
        return [[key, fieldsAt(value) === undefined ? value : withoutZeros(value as Fields)]];
      }),
    ),
  );
}

export function component(name: string, replicas: number, template: Fields | undefined): Component {
  const requirements = podRequirements(template);
  return requirements === undefined ? { name, replicas } : { name, replicas, replicaRequirements: requirements };
}

/** A number that may be written as text. */
export function countOf(value: unknown, absent: number): number {
  const number =
    typeof value === 'number' ? value : typeof value === 'string' && value !== '' ? Number(value) : Number.NaN;
  return Number.isFinite(number) ? number : absent;
}

/** References to objects of the core group in the namespace of `object`; empty names name nothing. */
export function references(
  object: Shared,
  names: readonly (readonly [kind: string, name: unknown])[],
): DependentObjectReference[] {
  const namespace = object.metadata.namespace ?? '';
  const found = new Map<string, DependentObjectReference>();
  for (const [kind, name] of names)
    if (typeof name === 'string' && name !== '')
      found.set(`${kind}/${name}`, { apiVersion: 'v1', kind, namespace, name });
  return [...found.values()];
}

export function mergeDependencies(
  ...lists: readonly (readonly DependentObjectReference[])[]
): DependentObjectReference[] {
  return [...new Map(lists.flat().map((each) => [`${each.kind}/${each.name ?? ''}`, each])).values()];
}

const isGiven = (value: unknown): boolean => value !== undefined && value !== null && value !== '';
