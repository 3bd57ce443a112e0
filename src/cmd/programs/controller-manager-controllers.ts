/** The controllers of karmada-controller-manager, with the options that its flags give them. */
import type { Client } from '../../client/client.ts';
import type { InformerFactory } from '../../client/informer.ts';
import { createAgentCsrApprovingController } from '../../clusters/agent/agent-csr-approving-controller.ts';
import { createGracefulEvictionControllers } from '../../clusters/eviction/graceful-eviction-controller.ts';
import { createApplicationFailoverControllers } from '../../clusters/failover/application-failover-controller.ts';
import { createCascadeController } from '../../clusters/registration/cascade-controller.ts';
import { createClusterController } from '../../clusters/registration/cluster-controller.ts';
import { createClusterHealthMonitor } from '../../clusters/status/cluster-health-monitor.ts';
import { createClusterStatusController } from '../../clusters/status/cluster-status-controller.ts';
import { createClusterTaintPolicyController } from '../../clusters/taints/cluster-taint-policy-controller.ts';
import { createTaintManager } from '../../clusters/taints/taint-manager.ts';
import { createUnifiedAuthController } from '../../clusters/unified-auth/unified-auth-controller.ts';
import type { Logger } from '../../component/logging.ts';
import type { Registry } from '../../component/metrics.ts';
import type { Runnable } from '../../controller/manager.ts';
import type { createMemberClusters } from '../../members/member-clusters.ts';
import { createBindingControllers } from '../../propagation/binding/binding-controller.ts';
import type { createControlPlane } from '../../propagation/create-control-plane.ts';
import { createDependenciesDistributor } from '../../propagation/dependencies/dependencies-distributor.ts';
import { createDetector } from '../../propagation/detector/detector-controller.ts';
import type { createSkippedResources } from '../../propagation/detector/skipped-resources.ts';
import { createExecutionController } from '../../propagation/execution/execution-controller.ts';
import { createMemberObjects } from '../../propagation/member-objects.ts';
import { createNamespaceSyncController } from '../../propagation/namespaces/namespace-sync-controller.ts';
import { createBindingStatusControllers } from '../../propagation/status/binding-status-controller.ts';
import { createWorkStatusController } from '../../propagation/status/work-status-controller.ts';
import type { ControllerManagerFlags } from './controller-manager-flags.ts';

interface Parts {
  flags: ControllerManagerFlags;
  /** Names as of --controllers. */
  enabled: ReadonlySet<string>;
  client: Client;
  informers: InformerFactory;
  controlPlane: ReturnType<typeof createControlPlane>;
  members: ReturnType<typeof createMemberClusters>;
  skipped: ReturnType<typeof createSkippedResources>;
  controllers: {
    baseDelay: number;
    maxDelay: number;
    retryQps: number;
    retryBurst: number;
    logger: Logger;
    registry: Registry;
  };
  logger: Logger;
  registry: Registry;
}

/** From templates and policies to the members, and back. */
export function propagationControllers(parts: Parts): Runnable[] {
  const { flags, enabled, client, informers, controlPlane, skipped, controllers } = parts;
  const gates = flags['feature-gates'];
  const list: Runnable[] = [];
  const add = (name: string, controller: Pick<Runnable, 'run'>): void => {
    list.push({ name, run: (signal) => controller.run(signal) });
  };
  add(
    'resource-detector',
    createDetector(controlPlane, {
      gates: {
        preemption: gates.PropagationPolicyPreemption,
        schedulePriority: gates.PriorityBasedScheduling,
        components: gates.MultiplePodTemplatesScheduling,
        workloadAffinity: gates.WorkloadAffinity,
        quotaEstimate: gates.ResourceQuotaEstimate,
      },
      skipped,
      informers,
      kinds: controlPlane.kinds,
      concurrentTemplates: flags['concurrent-resource-template-syncs'],
      concurrentPolicies: flags['concurrent-propagation-policy-syncs'],
      concurrentClusterPolicies: flags['concurrent-cluster-propagation-policy-syncs'],
    }),
  );
  if (gates.PropagateDeps)
    add(
      'dependencies-distributor',
      createDependenciesDistributor(controlPlane, {
        informers,
        concurrentBindings: flags['concurrent-dependent-resource-syncs'],
      }),
    );
  const bindingOptions = {
    concurrentBindings: flags['concurrent-resourcebinding-syncs'],
    concurrentClusterBindings: flags['concurrent-clusterresourcebinding-syncs'],
  };
  const workOptions = {
    members: createMemberObjects(parts.members),
    concurrentWorks: flags['concurrent-work-syncs'],
    reportsStatus: enabled.has('workStatus'),
  };
  if (enabled.has('binding')) add('binding', createBindingControllers(controlPlane, bindingOptions));
  if (enabled.has('bindingStatus')) add('bindingStatus', createBindingStatusControllers(controlPlane, bindingOptions));
  if (enabled.has('execution')) {
    add('execution', createExecutionController(controlPlane, workOptions));
    add('cluster-cascade', createCascadeController({ client, informers, controllers }));
  }
  if (enabled.has('workStatus')) add('workStatus', createWorkStatusController(controlPlane, workOptions));
  if (enabled.has('namespace'))
    add(
      'namespace',
      createNamespaceSyncController(controlPlane, {
        informers,
        skipsNamespace: skipped.skipsNamespace,
        concurrentNamespaces: flags['concurrent-namespace-syncs'],
      }),
    );
  return list;
}

/** The registry of clusters, their health, and what leaves them. */
export function clusterControllers(parts: Parts): Runnable[] {
  const { flags, enabled, client, informers, controlPlane, members, controllers, logger, registry } = parts;
  const { recorder } = controlPlane;
  const gates = flags['feature-gates'];
  const list: Runnable[] = [];
  const add = (name: string, controller: Pick<Runnable, 'run'>): void => {
    list.push({ name, run: (signal) => controller.run(signal) });
  };
  if (enabled.has('cluster')) {
    add(
      'cluster',
      createClusterController({
        client,
        informers,
        events: { event: recorder('cluster-controller') },
        workers: flags['concurrent-cluster-syncs'],
        controllers,
      }),
    );
    add(
      'cluster-health-monitor',
      createClusterHealthMonitor({
        client,
        informers,
        periodMs: flags['cluster-monitor-period'],
        gracePeriodMs: flags['cluster-monitor-grace-period'],
        startupGracePeriodMs: flags['cluster-startup-grace-period'],
        controllers,
      }),
    );
  }
  if (enabled.has('agentcsrapproving'))
    add('agentcsrapproving', createAgentCsrApprovingController({ client, informers, logger, registry }));
  if (enabled.has('clusterStatus'))
    add(
      'clusterStatus',
      createClusterStatusController({
        client,
        informers,
        members,
        statusUpdateFrequency: flags['cluster-status-update-frequency'],
        successThreshold: flags['cluster-success-threshold'],
        failureThreshold: flags['cluster-failure-threshold'],
        resourceModeling: flags['enable-cluster-resource-modeling'],
        events: { event: recorder('cluster-status-controller') },
        controllers,
        logger,
      }),
    );
  if (enabled.has('unifiedAuth'))
    add(
      'unifiedAuth',
      createUnifiedAuthController({
        client,
        informers,
        events: { event: recorder('unified-auth-controller') },
        controllers,
      }),
    );
  if (enabled.has('gracefulEviction') && gates.GracefulEviction)
    list.push(
      ...createGracefulEvictionControllers({
        client,
        informers,
        recorder,
        timeoutMs: flags['graceful-eviction-timeout'],
        controllers,
      }),
    );
  if (!gates.Failover) return list;
  if (enabled.has('applicationFailover'))
    list.push(
      ...createApplicationFailoverControllers({
        client,
        informers,
        interpreter: controlPlane.interpreter,
        recorder,
        gates,
        controllers,
      }),
    );
  if (enabled.has('clustertaintpolicy'))
    add(
      'clustertaintpolicy',
      createClusterTaintPolicyController({
        client,
        informers,
        events: { event: recorder('cluster-taint-policy-controller') },
        workers: flags['concurrent-cluster-syncs'],
        controllers,
      }),
    );
  if (flags['enable-taint-manager'] && flags['enable-no-execute-taint-eviction'])
    list.push(
      ...createTaintManager({
        client,
        informers,
        events: { event: recorder('taint-manager') },
        purgeMode: flags['no-execute-taint-eviction-purge-mode'],
        evictionRate: flags['resource-eviction-rate'],
        gates,
        controllers,
      }),
    );
  return list;
}
