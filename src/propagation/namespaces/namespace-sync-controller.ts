/** Every namespace of the control plane exists in every member, so that namespaced objects have somewhere to go. */

import { type DeepReadonly, deepEqual, parseKey, type Unstructured } from '../../apimachinery/object.ts';
import { controllerReferenceTo } from '../../apimachinery/owner-references.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import {
  conflictResolutionAnnotation,
  conflictResolutionOverwrite,
  skipAutoPropagationLabel,
} from '../../apis/constants.ts';
import { isReservedNamespace, workName } from '../../apis/naming.ts';
import type { ClusterOverridePolicy } from '../../apis/policy/v1alpha1/override-policy.ts';
import type { Informer, InformerFactory, InformerHandler } from '../../client/informer.ts';
import { createController } from '../../controller/controller.ts';
import { namespaces as namespaceType } from '../../kubernetes/resource-types.ts';
import type { ControlPlane } from '../control-plane.ts';
import { selectorsOf } from '../override/override-manager.ts';
import { highestImplicitPriority } from '../resource-selectors.ts';
import { writeWork } from '../work-writer.ts';

export interface NamespaceSyncOptions {
  informers: InformerFactory;
  /** As of --skipped-propagating-namespaces. */
  skipsNamespace(namespace: string): boolean;
  /** Default 1. */
  concurrentNamespaces?: number;
}

type Namespace = DeepReadonly<Unstructured>;

/** Keys are `cluster/namespace`: a cluster that joins brings its own keys only, a namespace one for each cluster. */
export function createNamespaceSyncController(
  controlPlane: ControlPlane,
  options: NamespaceSyncOptions,
): { run(signal: AbortSignal): Promise<void> } {
  const { clusters, works, clusterOverridePolicies } = controlPlane.caches;
  const namespaces: Informer = options.informers.informer(namespaceType);
  const controller = createController({
    ...controlPlane.controllers,
    name: 'namespace-sync-controller',
    workers: options.concurrentNamespaces ?? 1,
    async reconcile(key) {
      const { namespace: cluster = '', name } = parseKey(key);
      await reconcileNamespace(controlPlane, clusters.get(cluster), namespaces.get(name));
    },
  });
  const isSynced = (namespace: Namespace): boolean =>
    shouldSync(namespace) && !options.skipsNamespace(namespace.metadata.name ?? '');
  const enqueue = (namespace: Namespace): void => {
    if (!isSynced(namespace)) return;
    for (const cluster of clusters.list()) controller.enqueue(`${cluster.metadata.name}/${namespace.metadata.name}`);
  };

  /** Cost: all namespaces, for the few policies that can mean one. */
  const enqueueAffected = (policy: DeepReadonly<ClusterOverridePolicy>): void => {
    const selectors = selectorsOf(policy);
    if (selectors?.some(({ apiVersion, kind }) => apiVersion === 'v1' && kind === 'Namespace') === false) return;
    for (const namespace of namespaces.list())
      if (selectors === undefined || highestImplicitPriority(namespace, selectors) > 0) enqueue(namespace);
  };
  const policyHandler: InformerHandler<ClusterOverridePolicy> = {
    added(policy, initial) {
      if (!initial) enqueueAffected(policy);
    },
    updated(policy, old) {
      if (policy.metadata.generation === old.metadata.generation) return;
      enqueueAffected(old);
      enqueueAffected(policy);
    },
    deleted: enqueueAffected,
  };

  return {
    async run(signal) {
      const removers = [
        clusterOverridePolicies.addHandler(policyHandler),
        namespaces.addHandler({
          added: enqueue,
          updated(namespace, old) {
            if (!deepEqual(contentOf(namespace), contentOf(old))) enqueue(namespace);
          },
        }),
        clusters.addHandler({
          added(cluster) {
            for (const namespace of namespaces.list())
              if (isSynced(namespace)) controller.enqueue(`${cluster.metadata.name}/${namespace.metadata.name}`);
          },
        }),
        works.addHandler({
          deleted(work) {
            const manifest = work.spec.workload?.manifests?.[0];
            const namespace = manifest?.kind === 'Namespace' ? namespaces.get(manifest.metadata.name ?? '') : undefined;
            if (namespace !== undefined) enqueue(namespace);
          },
        }),
      ];
      await Promise.all(
        [namespaces, clusters, works, clusterOverridePolicies].map((informer) => informer.whenSynced(signal)),
      );
      await controller.run(signal);
      for (const remove of removers) remove();
    },
  };
}

async function reconcileNamespace(
  controlPlane: ControlPlane,
  cluster: DeepReadonly<Cluster> | undefined,
  namespace: Namespace | undefined,
): Promise<void> {
  if (cluster === undefined || cluster.metadata.deletionTimestamp !== undefined) return;
  if (namespace === undefined || !shouldSync(namespace)) return;
  const { manifest, annotations } = controlPlane.overrides.apply(namespace as Unstructured, cluster);
  await writeWork(controlPlane, {
    cluster: cluster.metadata.name ?? '',
    name: workName('Namespace', namespace.metadata.name ?? ''),
    labels: {},
    annotations,
    // What was there before Karmada, with everything in it, outlives its Namespace here.
    ...(takesOver(namespace) ? { preserveResourcesOnDeletion: true } : {}),
    ownerReferences: [controllerReferenceTo(namespace)],
    manifest,
  });
}

function shouldSync(namespace: Namespace): boolean {
  const { name = '', labels, deletionTimestamp } = namespace.metadata;
  return (
    deletionTimestamp === undefined &&
    name !== 'default' &&
    !isReservedNamespace(name) &&
    labels?.[skipAutoPropagationLabel]?.toLowerCase() !== 'true'
  );
}

const takesOver = ({ metadata }: Namespace): boolean =>
  metadata.annotations?.[conflictResolutionAnnotation] === conflictResolutionOverwrite;

/** What a member would see of it. */
function contentOf(namespace: Namespace): unknown {
  const { labels, annotations, deletionTimestamp } = namespace.metadata;
  return { labels, annotations, deletionTimestamp, spec: (namespace as Unstructured)['spec'] };
}
