/**
 * unified-auth-controller: whoever may use the proxy to a cluster in the control plane may be impersonated in that cluster, by
 * the account that the proxy uses there. Key: the Cluster's name.
 *
 *   ClusterRole that opens the proxy ◀── ClusterRoleBindings ──▶ their subjects ──▶ two Works in the execution space
 */
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import { eventReason } from '../../apis/constants.ts';
import { clusterOfExecutionSpace, executionSpace } from '../../apis/naming.ts';
import { clusters, works } from '../../apis/resource-types.ts';
import type { Work } from '../../apis/work/v1alpha1/work.ts';
import type { Client } from '../../client/client.ts';
import type { InformerFactory } from '../../client/informer.ts';
import { type Controller, type ControllerOptions, createController } from '../../controller/controller.ts';
import type { EventRecorder } from '../../controller/event-recorder.ts';
import { clusterRoleBindings, clusterRoles, namespaces } from '../../kubernetes/resource-types.ts';
import type { ClusterRole, ClusterRoleBinding, Namespace } from '../../kubernetes/types.ts';
import { impersonationRules, proxiedClusters } from './impersonation-rules.ts';
import { impersonatorBinding, impersonatorRole, impersonatorWork, impersonatorWorkName } from './impersonator-work.ts';

export interface UnifiedAuthControllerOptions {
  client: Client;
  /** Not started yet. */
  informers: InformerFactory;
  /** Its component is `unified-auth-controller`. */
  events: Pick<EventRecorder, 'event'>;
  /** Default 5. */
  workers?: number | undefined;
  /** Back-off, metrics, log. */
  controllers?: Partial<ControllerOptions> | undefined;
}

const byCluster = 'proxied-clusters';
const byRole = 'cluster-role';

export function createUnifiedAuthController(options: UnifiedAuthControllerOptions): Controller {
  const { client, informers, events } = options;
  const clusterInformer = informers.informer<Cluster>(clusters);
  const workInformer = informers.informer<Work>(works);
  const spaces = informers.informer<Namespace>(namespaces);
  const roles = informers.informer<ClusterRole>(clusterRoles);
  const bindings = informers.informer<ClusterRoleBinding>(clusterRoleBindings);
  roles.addIndex(byCluster, (role) => proxiedClusters(role));
  bindings.addIndex(byRole, (binding) => (binding.roleRef.kind === 'ClusterRole' ? [binding.roleRef.name] : []));
  const workResource = client.resource<Work>(works);

  const controller = createController({
    ...options.controllers,
    name: 'unified-auth-controller',
    workers: options.workers ?? 5,
    reconcile: (name, signal) => reconcile(name, signal),
  });

  async function reconcile(name: string, signal: AbortSignal): Promise<void> {
    const cluster = clusterInformer.get(name);
    if (cluster === undefined || cluster.metadata.deletionTimestamp !== undefined) return;
    const account = cluster.spec.impersonatorSecretRef;
    // The execution space comes from the cluster controller; its arrival brings this key back.
    if (account === undefined || spaces.get(executionSpace(name)) === undefined) return;
    const rules = impersonationRules(bindingsFor(name));
    try {
      let written = false;
      for (const object of [impersonatorRole(rules), impersonatorBinding(account.namespace)])
        if (await writeWork(cluster, object, signal)) written = true;
      if (!written) return;
      const message = 'Sync impersonation config succeed.';
      events.event(cluster, 'Normal', eventReason.syncImpersonationConfigSucceed, message);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      events.event(cluster, 'Warning', eventReason.syncImpersonationConfigFailed, message);
      throw error;
    }
  }

  /** Cost: the bindings of the roles that open this cluster's proxy. */
  function bindingsFor(cluster: string): Set<DeepReadonly<ClusterRoleBinding>> {
    const found = new Set<DeepReadonly<ClusterRoleBinding>>();
    for (const key of ['*', cluster])
      for (const role of roles.byIndex(byCluster, key))
        for (const binding of bindings.byIndex(byRole, role.metadata.name ?? '')) found.add(binding);
    return found;
  }

  async function writeWork(
    cluster: DeepReadonly<Cluster>,
    object: DeepReadonly<Unstructured>,
    signal: AbortSignal,
  ): Promise<boolean> {
    const name = impersonatorWorkName(object.kind);
    const existing = workInformer.get(`${executionSpace(cluster.metadata.name ?? '')}/${name}`);
    // Its deletion, once done, brings the key back.
    if (existing?.metadata.deletionTimestamp !== undefined) return false;
    const work = impersonatorWork(cluster, object, existing);
    if (work === undefined) return false;
    if (existing === undefined) await workResource.create(work, { signal });
    else await workResource.update(work, { signal });
    return true;
  }

  const enqueueAll = (names: readonly string[]): void => {
    const all = names.includes('*') ? clusterInformer.list().map(({ metadata }) => metadata.name ?? '') : names;
    for (const name of all) controller.enqueue(name);
  };
  const enqueueRole = (role: DeepReadonly<ClusterRole>): void => enqueueAll(proxiedClusters(role));
  const enqueueBinding = ({ roleRef }: DeepReadonly<ClusterRoleBinding>): void => {
    const role = roleRef.kind === 'ClusterRole' ? roles.get(roleRef.name) : undefined;
    if (role !== undefined) enqueueRole(role);
  };
  clusterInformer.addHandler({
    added: ({ metadata }) => controller.enqueue(metadata.name ?? ''),
    updated(cluster, old) {
      if (cluster.spec.impersonatorSecretRef?.namespace !== old.spec.impersonatorSecretRef?.namespace)
        controller.enqueue(cluster.metadata.name ?? '');
    },
  });
  spaces.addHandler({
    added({ metadata }) {
      const cluster = clusterOfExecutionSpace(metadata.name ?? '');
      if (cluster !== undefined) controller.enqueue(cluster);
    },
  });
  workInformer.addHandler({
    deleted({ metadata }) {
      const cluster = clusterOfExecutionSpace(metadata.namespace ?? '');
      const ours = ['ClusterRole', 'ClusterRoleBinding'].some((kind) => metadata.name === impersonatorWorkName(kind));
      if (cluster !== undefined && ours) controller.enqueue(cluster);
    },
  });
  roles.addHandler({
    added: enqueueRole,
    updated(role, old) {
      enqueueRole(old);
      enqueueRole(role);
    },
    deleted: enqueueRole,
  });
  bindings.addHandler({
    added: enqueueBinding,
    updated(binding, old) {
      enqueueBinding(old);
      enqueueBinding(binding);
    },
    deleted: enqueueBinding,
  });
  return controller;
}
