/** v1 Pod. */
import { cloneJson, type Unstructured } from '../../apimachinery/object.ts';
import type { AggregatedItem } from '../interpreter.ts';
import {
  type Fields,
  fieldsAt,
  type KindInterpreter,
  listAt,
  type Shared,
  textAt,
  withStatus,
} from './kind-interpreter.ts';
import { podDependencies } from './pod-dependencies.ts';
import { podRequirements } from './pod-requirements.ts';

export const pod: KindInterpreter = {
  InterpretDependency: (object) => podDependencies(fieldsAt(object, 'spec'), object.metadata.namespace ?? ''),
  InterpretReplica(object) {
    const requirements = podRequirements({ spec: fieldsAt(object, 'spec') });
    return requirements === undefined ? { replicas: 1 } : { replicas: 1, requirements };
  },
  Retain: retainPlacement,
  AggregateStatus: aggregatePods,
  InterpretHealth(object) {
    const status = fieldsAt(object, 'status');
    const phase = textAt(status, 'phase');
    if (phase === 'Succeeded') return true;
    const ready = listAt(status, 'conditions').some((entry) => entry['type'] === 'Ready' && entry['status'] === 'True');
    return phase === 'Running' && ready;
  },
};

/** What the member's scheduler and admission filled in; most of a Pod's spec cannot be changed anyway. */
function retainPlacement(desired: Shared, observed: Shared): Unstructured {
  const copy = cloneJson<Unstructured>(desired);
  const spec: Record<string, unknown> = { ...(copy['spec'] as object | undefined) };
  const from = fieldsAt(observed, 'spec');
  for (const key of ['nodeName', 'serviceAccountName', 'volumes']) {
    const value = from?.[key];
    if (value === undefined) delete spec[key];
    else spec[key] = cloneJson(value);
  }
  for (const key of ['containers', 'initContainers']) {
    const observedMounts = new Map(listAt(from, key).map((entry) => [entry['name'], entry['volumeMounts']]));
    const containers = listAt(spec, key);
    if (containers.length === 0) continue;
    spec[key] = containers.map((entry) => {
      const mounts = observedMounts.get(entry['name']);
      return mounts === undefined ? entry : { ...entry, volumeMounts: cloneJson(mounts) };
    });
  }
  copy['spec'] = spec;
  return copy;
}

const worstFirst = ['Failed', 'Pending', 'Running', 'Succeeded'];

function aggregatePods(object: Shared, items: readonly AggregatedItem[]): Unstructured {
  if (items.length === 0) return cloneJson<Unstructured>(object);
  const phases = new Set<string>();
  const status: Record<string, unknown> = {};
  const statuses: Fields[] = [];
  for (const item of items) {
    if (item.status === undefined || item.status === null) phases.add('Pending');
    else {
      statuses.push(item.status as Fields);
      phases.add(textAt(item.status as Fields, 'phase'));
    }
  }
  for (const key of ['containerStatuses', 'initContainerStatuses']) {
    const entries = statuses.flatMap((entry) => listAt(entry, key)).map(readyAndState);
    if (entries.length > 0) status[key] = entries;
  }
  const phase = worstFirst.find((candidate) => phases.has(candidate));
  if (phase !== undefined) status['phase'] = phase;
  return withStatus(object, status);
}

/** The fields that the type requires are kept as their zero values. */
function readyAndState(entry: Fields): Record<string, unknown> {
  const kept: Record<string, unknown> = {
    name: '',
    ready: entry['ready'] === true,
    restartCount: 0,
    image: '',
    imageID: '',
  };
  const state = fieldsAt(entry, 'state');
  if (state !== undefined) kept['state'] = cloneJson(state);
  return kept;
}
