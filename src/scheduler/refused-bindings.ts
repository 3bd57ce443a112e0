/** Bindings that fit nowhere, by kind: a cluster that begins to serve a kind may be what they waited for. */
import { type DeepReadonly, deepEqual, objectKey } from '../apimachinery/object.ts';
import { bindingScheduled, bindingScheduledReason } from '../apis/constants.ts';
import { kindsServedBy } from './plugins/api-enablement.ts';
import type { Binding, Cluster } from './types.ts';

export interface RefusedBindings {
  set(binding: Binding): void;
  delete(key: string): void;
  /** Keys of those whose kind the cluster serves now and did not serve before. No cost while nothing is refused. */
  served(cluster: Cluster, old: Cluster): string[];
}

export function createRefusedBindings(): RefusedBindings {
  /** Key → `apps/v1/Deployment`. */
  const kinds = new Map<string, string>();
  return {
    set(binding) {
      const condition = binding.status?.conditions?.find(({ type }) => type === bindingScheduled);
      const { apiVersion, kind } = binding.spec.resource;
      if (isRefusal(condition)) kinds.set(objectKey(binding), `${apiVersion}/${kind}`);
      else kinds.delete(objectKey(binding));
    },
    delete: (key) => void kinds.delete(key),
    served(cluster, old) {
      if (kinds.size === 0 || deepEqual(cluster.status?.apiEnablements, old.status?.apiEnablements)) return [];
      const before = kindsServedBy(old);
      const now = kindsServedBy(cluster);
      return [...kinds].filter(([, kind]) => now.has(kind) && !before.has(kind)).map(([key]) => key);
    },
  };
}

const isRefusal = (condition: DeepReadonly<{ status: string; reason: string }> | undefined): boolean =>
  condition?.status === 'False' && condition.reason === bindingScheduledReason.noClusterFit;
