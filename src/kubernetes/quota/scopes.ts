/** Which objects a quota is about: its scopes and its scope selector. */
import type * as core from 'kubernetes-types/core/v1.d.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { qosClassOf } from '../core/qos.ts';
import type { Pod, ResourceQuota } from '../types.ts';

export interface Scope {
  readonly scopeName: string;
  readonly operator: string;
  readonly values?: readonly string[] | undefined;
}

export function scopesOf({ spec }: DeepReadonly<ResourceQuota>): Scope[] {
  const plain = (spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' }));
  return [...plain, ...(spec?.scopeSelector?.matchExpressions ?? [])];
}

export function podMatchesScope({ spec }: DeepReadonly<Pod>, scope: Scope): boolean {
  const terminating = (spec?.activeDeadlineSeconds ?? -1) >= 0;
  switch (scope.scopeName) {
    case 'Terminating':
      return terminating;
    case 'NotTerminating':
      return !terminating;
    case 'BestEffort':
      return qosClassOf(spec ?? { containers: [] }) === 'BestEffort';
    case 'NotBestEffort':
      return qosClassOf(spec ?? { containers: [] }) !== 'BestEffort';
    case 'PriorityClass':
      return matchesValue(spec?.priorityClassName || undefined, scope);
    case 'CrossNamespacePodAffinity':
      return crossesNamespaces(spec?.affinity);
    default:
      return false;
  }
}

/** As a label selector on the one value: an absent value is in no set. */
export function matchesValue(value: string | undefined, { operator, values = [] }: Scope): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}

function crossesNamespaces(affinity: DeepReadonly<core.Affinity> | undefined): boolean {
  const terms = [affinity?.podAffinity, affinity?.podAntiAffinity].flatMap((part) => [
    ...(part?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(part?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ podAffinityTerm }) => podAffinityTerm),
  ]);
  return terms.some((term) => (term.namespaces?.length ?? 0) > 0 || term.namespaceSelector !== undefined);
}
