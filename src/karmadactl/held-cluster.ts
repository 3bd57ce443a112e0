/** Why a Cluster that is being deleted is still there: said when the wait for it ran out. */
import { executionSpace } from '../apis/naming.ts';
import { clusterResourceBindings, clusters, resourceBindings, works } from '../apis/resource-types.ts';
import type { ResourceBinding } from '../apis/work/v1alpha2/resource-binding.ts';
import type { Client } from '../client/client.ts';

/** `then`: what else can be done. The first line is upstream's. */
export async function clusterHeld(client: Client, name: string, then: string, signal: AbortSignal): Promise<Error> {
  // What may not be read is left out.
  const [inSpace, ...bound] = await Promise.all([
    attempt(
      async () => (await client.resource(works).list({ namespace: executionSpace(name), signal })).items.length,
      0,
    ),
    ...[resourceBindings, clusterResourceBindings].map((type) =>
      attempt(async () => {
        const { items } = await client.resource<ResourceBinding>(type).list({ signal });
        return items
          .filter(({ spec }) => spec.clusters?.some((target) => target.name === name))
          .map(({ metadata, spec }) => {
            const path = metadata.namespace === undefined ? metadata.name : `${metadata.namespace}/${metadata.name}`;
            return `${type.kind} ${path} still names it${spec.suspension?.scheduling === true ? ' (its scheduling is suspended)' : ''}`;
          });
      }, []),
    ),
  ]);
  const finalizers = await attempt(
    async () => (await client.resource(clusters).get({ name }, { signal })).metadata.finalizers ?? [],
    [],
  );
  const held = [
    ...(inSpace > 0 ? [`${inSpace} Works are left in ${executionSpace(name)}`] : []),
    ...bound.flat().slice(0, 3),
  ];
  const why = held.length > 0 ? held.join('; ') : `its finalizers are ${finalizers.join(', ') || 'gone'}`;
  return new Error(`context deadline exceeded\ncluster(${name}) is being removed and not gone yet: ${why}. ${then}`);
}

async function attempt<T>(work: () => Promise<T>, otherwise: T): Promise<T> {
  try {
    return await work();
  } catch {
    return otherwise;
  }
}
