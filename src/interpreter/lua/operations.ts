/** Each operation as a call of a Lua function: what it is given, and what its results mean. */

import { cloneJson, type DeepReadonly, type Unstructured } from '../../apimachinery/object.ts';
import type {
  CustomizationRule,
  ResourceInterpreterCustomization,
} from '../../apis/config/v1alpha1/resource-interpreter-customization.ts';
import type { Component, ReplicaRequirements } from '../../apis/work/v1alpha2/resource-binding.ts';
import { checkReference } from '../dependent-references.ts';
import type {
  DependentObjectReference,
  InterpreterOperation,
  InterpreterOperations,
  ReplicaInterpretation,
} from '../interpreter.ts';
import type { CallRequest } from './protocol.ts';

export interface LuaScript {
  call(request: Pick<CallRequest, 'function' | 'args' | 'results' | 'references'>): Promise<unknown[]>;
}

/** The field of each operation in `spec.customizations`. */
export const operationRules: Readonly<Record<InterpreterOperation, CustomizationRule>> = {
  Retain: 'retention',
  InterpretReplica: 'replicaResource',
  InterpretComponent: 'componentResource',
  ReviseReplica: 'replicaRevision',
  InterpretStatus: 'statusReflection',
  AggregateStatus: 'statusAggregation',
  InterpretHealth: 'healthInterpretation',
  InterpretDependency: 'dependencyInterpretation',
};

/** The scripts of a customization that are not empty. */
export function scriptsOf(
  customization: DeepReadonly<Pick<ResourceInterpreterCustomization, 'spec'>>,
): Partial<Record<InterpreterOperation, string>> {
  const scripts: Partial<Record<InterpreterOperation, string>> = {};
  for (const [operation, rule] of Object.entries(operationRules) as [InterpreterOperation, CustomizationRule][]) {
    const script = customization.spec.customizations[rule]?.luaScript;
    if (script) scripts[operation] = script;
  }
  return scripts;
}

/** Every operation as the script would do it; only those that the script has a function for can be called. */
export function scriptOperations(script: LuaScript): AsyncOperations {
  return {
    async InterpretReplica(object) {
      const [replicas, requirements] = await script.call({ function: 'GetReplicas', args: [object], results: 2 });
      if (typeof replicas !== 'number')
        throw new Error(`expect the returned replica type is number but got ${typeName(replicas)}`);
      const result: ReplicaInterpretation = { replicas: Math.trunc(replicas) | 0 };
      if (requirements !== null && requirements !== undefined && !isEmpty(requirements))
        result.requirements = tableOf(requirements) as ReplicaRequirements;
      return result;
    },
    async InterpretComponent(object) {
      const [components] = await script.call({ function: 'GetComponents', args: [object], results: 1 });
      return components === null ? [] : (listOf(components) as unknown as Component[]);
    },
    async ReviseReplica(object, replicas) {
      const [revised] = await script.call({
        function: 'ReviseReplica',
        args: [object, replicas],
        results: 1,
        references: [object],
      });
      return tableOf(revised) as unknown as Unstructured;
    },
    async Retain(desired, observed) {
      const [retained] = await script.call({
        function: 'Retain',
        args: [desired, observed],
        results: 1,
        references: [desired, observed],
      });
      return tableOf(retained) as unknown as Unstructured;
    },
    async AggregateStatus(object, items) {
      const [aggregated] = await script.call({ function: 'AggregateStatus', args: [object, items], results: 1 });
      // Nothing but the status is taken: empty fields of the rest cannot be told apart.
      const { status } = tableOf(aggregated);
      const result = cloneJson<Unstructured>(object);
      if (status === undefined) delete result['status'];
      else result['status'] = status;
      return result;
    },
    async InterpretStatus(object) {
      const [status] = await script.call({ function: 'ReflectStatus', args: [object], results: 1 });
      return tableOf(status);
    },
    async InterpretHealth(object) {
      const [healthy] = await script.call({ function: 'InterpretHealth', args: [object], results: 1 });
      if (typeof healthy !== 'boolean')
        throw new Error(`expect the returned health type is bool but got ${typeName(healthy)}`);
      return healthy;
    },
    async InterpretDependency(object) {
      const [references] = await script.call({ function: 'GetDependencies', args: [object], results: 1 });
      return listOf(references).map((reference) => checkReference(reference as unknown as DependentObjectReference));
    },
  };
}

type AsyncOperations = {
  [O in InterpreterOperation]: (
    ...args: Parameters<InterpreterOperations[O]>
  ) => Promise<Awaited<ReturnType<InterpreterOperations[O]>>>;
};

/** An empty list is an empty table. */
function tableOf(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && (!Array.isArray(value) || value.length === 0))
    return Array.isArray(value) ? {} : (value as Record<string, unknown>);
  throw new Error(`expect the returned value is a table but got ${typeName(value)}`);
}

function listOf(value: unknown): Record<string, unknown>[] {
  if (!Array.isArray(value)) throw new Error(`expect the returned value is a list but got ${typeName(value)}`);
  return value.map(tableOf);
}

const isEmpty = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0;

function typeName(value: unknown): string {
  if (value === null || value === undefined) return 'nil';
  if (typeof value === 'object') return Array.isArray(value) ? 'a list' : 'table';
  return typeof value;
}
