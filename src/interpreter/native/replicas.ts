/** Replica fields: how many a template asks for, and how they are rewritten. */
import { cloneJson, type Unstructured } from '../../apimachinery/object.ts';
import type { ReplicaInterpretation } from '../interpreter.ts';
import { fieldsAt, type Shared } from './kind-interpreter.ts';
import { podRequirements } from './pod-requirements.ts';

/** `spec.<field>` and the needs of `spec.template`; an absent field counts 0. */
export function replicasOfTemplate(object: Shared, replicas: number): ReplicaInterpretation {
  const requirements = podRequirements(fieldsAt(object, 'spec', 'template'));
  return requirements === undefined ? { replicas } : { replicas, requirements };
}

/** An integer of the spec, or undefined when it is not given. */
export function specInteger(object: Shared, field: string): number | undefined {
  const value = fieldsAt(object, 'spec')?.[field];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value))
    throw new Error(`spec.${field} of ${object.kind} must be an integer, not ${JSON.stringify(value)}`);
  return value;
}

/** Sets an integer of the spec; a field that is not there stays away. */
export function reviseSpecInteger(object: Shared, field: string, value: number): Unstructured {
  const copy = cloneJson<Unstructured>(object);
  if (specInteger(object, field) !== undefined) (copy['spec'] as Record<string, unknown>)[field] = value;
  return copy;
}
