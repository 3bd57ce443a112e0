/** The cluster must serve the template's kind. A cluster that already runs it is trusted. */
import type { Plugin } from '../framework/framework.ts';
import type { BindingSpec, Cluster } from '../types.ts';
import { isTarget } from './is-target.ts';

export const apiEnablement: Plugin = {
  name: 'APIEnablement',
  filter({ spec }, cluster) {
    if (isTarget(spec, cluster)) return undefined;
    return kindsServedBy(cluster).has(kindOf(spec)) ? undefined : 'cluster(s) did not have the API resource';
  },
};

/** Put together once for all clusters that a binding is tried on. */
const kindByResource = new WeakMap<object, string>();

function kindOf({ resource }: BindingSpec): string {
  let kind = kindByResource.get(resource);
  if (kind === undefined) {
    kind = `${resource.apiVersion}/${resource.kind}`;
    kindByResource.set(resource, kind);
  }
  return kind;
}

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
