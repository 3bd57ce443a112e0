/** Replicas of a Deployment that the member's scheduler could not place for some time. */

import { cloneJson, type DeepReadonly, deepEqual } from '../../apimachinery/object.ts';
import { controllerOf } from '../../apimachinery/owner-references.ts';
import type { Client } from '../../client/client.ts';
import type { Informer } from '../../client/informer.ts';
import { deployments, replicaSets } from '../../kubernetes/resource-types.ts';
import type { Deployment, Pod, ReplicaSet } from '../../kubernetes/types.ts';
import type { Requests } from '../protocol.ts';

type Resource = NonNullable<Requests['GetUnschedulableReplicas']['resource']>;

/** `threshold` in ms, `now` in ms. Rejects for other kinds. */
export async function countUnschedulable(
  { kind, namespace, name }: Resource,
  threshold: number,
  { client, pods, now }: { client: Client; pods: Informer<Pod>; now: number },
): Promise<number> {
  if (kind !== 'Deployment') throw new Error(`kind(${kind}) of workload(${namespace}/${name}) is not supported`);
  const deployment = await client.resource<Deployment>(deployments).get({ namespace, name });
  const { items } = await client.resource<ReplicaSet>(replicaSets).list({ namespace });
  const newest = items.find(
    (set) =>
      controllerOf(set)?.uid === deployment.metadata.uid &&
      deepEqual(withoutHash(set.spec?.template), withoutHash(deployment.spec?.template)),
  );
  if (newest === undefined) return 0;
  const wait = Math.max(threshold, 0);
  return pods
    .list(namespace)
    .filter((pod) => controllerOf(pod)?.uid === newest.metadata.uid && waitsSince(pod) < now - wait).length;
}

/** When the pod was found to fit nowhere, in ms; never otherwise. */
function waitsSince({ status }: DeepReadonly<Pod>): number {
  const condition = status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (condition?.status !== 'False' || condition.reason !== 'Unschedulable') return Number.POSITIVE_INFINITY;
  return Date.parse(String(condition.lastTransitionTime));
}

type Template = NonNullable<ReplicaSet['spec']>['template'];

/** The label by which a ReplicaSet tells its pods from those of other templates. */
function withoutHash(template: Template | undefined): unknown {
  const copy = cloneJson<Template>(template ?? {});
  delete copy?.metadata?.labels?.['pod-template-hash'];
  return copy;
}
