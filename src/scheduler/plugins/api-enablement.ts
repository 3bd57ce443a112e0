/** The cluster must serve the template's kind. A cluster that already runs it is trusted. */
import type { Plugin } from '../framework/framework.ts';
import type { Cluster } from '../types.ts';
import { isTarget } from './is-target.ts';

export const apiEnablement: Plugin = {
  name: 'APIEnablement',
  filter({ spec }, cluster) {
    if (isTarget(spec, cluster)) return undefined;
    const { apiVersion, kind } = spec.resource;
    return kindsServedBy(cluster).has(`${apiVersion}/${kind}`) ? undefined : 'cluster(s) did not have the API resource';
  },
};

/** Made once for each version of a cluster's list. */
const servedKinds = new WeakMap<object, ReadonlySet<string>>();

/** `apps/v1/Deployment` … */
export function kindsServedBy({ status }: Cluster): ReadonlySet<string> {
  const list = status?.apiEnablements;
  if (list === undefined) return new Set();
  let kinds = servedKinds.get(list);
  if (kinds === undefined) {
    kinds = new Set(
      list.flatMap(({ groupVersion, resources }) => (resources ?? []).map((r) => `${groupVersion}/${r.kind}`)),
    );
    servedKinds.set(list, kinds);
  }
  return kinds;
}
