/**
 * What the control plane knows of each kind. Layers are asked in order (declarative, webhook, third-party, native); the first
 * that knows an operation of a kind answers, and its error is the answer too: nothing falls through to a later layer.
 */
import { type GroupVersionKind, gvkOf } from '../apimachinery/group-version.ts';
import type { DeepReadonly, Unstructured } from '../apimachinery/object.ts';
import type { LabelSelector } from '../apis/shared.ts';
import type { AggregatedStatusItem, Component, ReplicaRequirements } from '../apis/work/v1alpha2/resource-binding.ts';

type Shared = DeepReadonly<Unstructured>;
type Answer<T> = T | Promise<T>;

export interface ReplicaInterpretation {
  replicas: number;
  /** Absent: one replica asks for nothing in particular. */
  requirements?: ReplicaRequirements;
}

/** The reflected status of a member object; null: nothing to report. */
export type ReflectedStatus = Record<string, unknown> | null;

/** An object that another one needs. Name or labelSelector is given; the name wins. */
export interface DependentObjectReference {
  apiVersion: string;
  kind: string;
  /** Absent: cluster-scoped. */
  namespace?: string;
  name?: string;
  labelSelector?: LabelSelector;
}

export type AggregatedItem = DeepReadonly<AggregatedStatusItem>;

/** Every operation, as a function of plain objects. Objects given are shared; the ones returned are new. */
export interface InterpreterOperations {
  /** Replicas of a template and what one of them needs. */
  InterpretReplica(object: Shared): Answer<ReplicaInterpretation>;
  /** The object with its replicas set. */
  ReviseReplica(object: Shared, replicas: number): Answer<Unstructured>;
  /** The desired object with the fields that the member owns taken from the observed one. */
  Retain(desired: Shared, observed: Shared): Answer<Unstructured>;
  /** The template with a status made of its members' statuses. */
  AggregateStatus(object: Shared, items: readonly AggregatedItem[]): Answer<Unstructured>;
  /** What a Work reports of the member object. */
  InterpretStatus(object: Shared): Answer<ReflectedStatus>;
  InterpretHealth(object: Shared): Answer<boolean>;
  /** What a template needs beside itself in a cluster. */
  InterpretDependency(object: Shared): Answer<DependentObjectReference[]>;
  /** The parts of a template that have replicas of their own; empty: it has none. */
  InterpretComponent(object: Shared): Answer<Component[]>;
}

export type InterpreterOperation = keyof InterpreterOperations;

/** In the order in which configurations are checked. */
export const interpreterOperations = [
  'Retain',
  'InterpretReplica',
  'InterpretComponent',
  'ReviseReplica',
  'InterpretStatus',
  'AggregateStatus',
  'InterpretHealth',
  'InterpretDependency',
] as const satisfies readonly InterpreterOperation[];

/** Tells that objects of some kinds are interpreted differently from now on. */
export type InterpretationListener = (concerns: (kind: GroupVersionKind) => boolean) => void;

export interface InterpreterLayer {
  readonly name: 'declarative' | 'webhook' | 'third-party' | 'native';
  find<O extends InterpreterOperation>(kind: GroupVersionKind, operation: O): InterpreterOperations[O] | undefined;
  /** Only layers that are configured while they run. Returns what removes the listener. */
  onChange?(listener: InterpretationListener): () => void;
}

export interface Interpreter {
  /** The function that does `operation` for the kind of `object`, or undefined when no layer knows it. */
  find<O extends InterpreterOperation>(
    object: { readonly apiVersion: string; readonly kind: string },
    operation: O,
  ): InterpreterOperations[O] | undefined;
  onChange(listener: InterpretationListener): () => void;
}

export function createInterpreter(layers: readonly InterpreterLayer[]): Interpreter {
  return {
    find(object, operation) {
      const kind = gvkOf(object);
      for (const layer of layers) {
        const found = layer.find(kind, operation);
        if (found !== undefined) return found;
      }
      return undefined;
    },
    onChange(listener) {
      const removers = layers.flatMap((layer) => layer.onChange?.(listener) ?? []);
      return () => {
        for (const remove of removers) remove();
      };
    },
  };
}
