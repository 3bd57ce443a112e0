/** Whether a toleration covers a taint of a cluster: the same rule for scheduling and for eviction. */
import type { DeepReadonly } from '../apimachinery/object.ts';
import type { Taint } from './cluster/v1alpha1/cluster.ts';
import type { Toleration } from './shared.ts';

export function toleratesTaint(toleration: DeepReadonly<Toleration>, taint: DeepReadonly<Taint>): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  if (toleration.operator === 'Exists') return true;
  return (!toleration.operator || toleration.operator === 'Equal') && (toleration.value ?? '') === (taint.value ?? '');
}
