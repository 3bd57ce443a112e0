/** Taints keep bindings away that do not tolerate them. A cluster that already has the binding keeps it. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import type { Taint } from '../../apis/cluster/v1alpha1/cluster.ts';
import { toleratesTaint } from '../../apis/tolerates-taint.ts';
import type { Plugin } from '../framework/framework.ts';
import { isTarget } from './is-target.ts';

export const taintToleration: Plugin = {
  name: 'TaintToleration',
  filter({ spec }, cluster) {
    if (isTarget(spec, cluster)) return undefined;
    const tolerations = spec.placement?.clusterTolerations ?? [];
    for (const taint of cluster.spec.taints ?? []) {
      if (taint.effect !== 'NoSchedule' && taint.effect !== 'NoExecute') continue;
      if (!tolerations.some((toleration) => toleratesTaint(toleration, taint)))
        return `cluster(s) had untolerated taint {${taintText(taint)}}`;
    }
    return undefined;
  },
};

function taintText({ key, value, effect }: DeepReadonly<Taint>): string {
  return `${key}${value ? `=${value}` : ''}${effect ? `:${effect}` : ''}`;
}
