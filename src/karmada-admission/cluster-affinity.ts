/** Rules of a cluster affinity, wherever one stands. */
import type { DeepReadonly } from '../apimachinery/object.ts';
import type { FieldError } from '../apimachinery/status-error.ts';
import type { ClusterAffinity } from '../apis/policy/v1alpha1/propagation-policy.ts';
import { invalidValue } from './invalid-value.ts';

/** Field selectors take provider, region and zone with In and NotIn; the first broken expression is reported. */
export function clusterAffinityErrors(affinity: DeepReadonly<ClusterAffinity> | undefined, path: string): FieldError[] {
  for (const { key, operator } of affinity?.fieldSelector?.matchExpressions ?? []) {
    const bad = !keys.has(key)
      ? `unsupported key ${JSON.stringify(key)}, must be provider, region, or zone`
      : !operators.has(operator)
        ? `unsupported operator ${JSON.stringify(operator)}, must be In or NotIn`
        : undefined;
    if (bad !== undefined) return [invalidValue(`${path}.fieldSelector`, affinity?.fieldSelector, bad)];
  }
  return [];
}

const keys: ReadonlySet<string> = new Set(['provider', 'region', 'zone']);
const operators: ReadonlySet<string> = new Set(['In', 'NotIn']);
