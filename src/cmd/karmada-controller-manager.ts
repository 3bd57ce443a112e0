/** karmada-controller-manager: propagation and cluster registration. Flags → options → assemble → run. */
import { setMaxListeners } from 'node:events';
import { systemClock } from '../apimachinery/clock.ts';
import type { ResourceType } from '../apimachinery/group-version.ts';
import { isNotFound } from '../apimachinery/status-error.ts';
import type { Client } from '../client/client.ts';
import { serveEndpoints } from '../component/endpoints.ts';
import { parseExecutable } from '../component/executable.ts';
import { featureGatesFlag } from '../component/feature-gates.ts';
import {
  clusterApiFlags,
  endpointFlags,
  kubeApiFlags,
  leaderElectionFlags,
  leaseOf,
  logFlags,
  rateLimiterFlags,
} from '../component/flag-groups.ts';
import { flag } from '../component/flags.ts';
import { createHealth } from '../component/health.ts';
import { runComponent } from '../component/lifecycle.ts';
import { createLogger } from '../component/logging.ts';
import { createRegistry } from '../component/metrics.ts';
import { assertGatesBuilt, chooseControllers, knownControllers } from '../propagation/choose-controllers.ts';

const name = 'karmada-controller-manager';

const flags = parseExecutable({
  name,
  description: `The controllers of a Karmada control plane: they match templates with policies, carry them to member clusters, bring their
status back, and keep the registry of clusters.`,
  examples: `# Run against the control plane of a kubeconfig
    karmada-controller-manager --kubeconfig=karmada.config
    # With preemption among policies, and without synchronising namespaces
    karmada-controller-manager --kubeconfig=karmada.config --feature-gates=PropagationPolicyPreemption=true --controllers='*,-namespace'`,
  flags: {
    controllers: flag.list(
      ['*'],
      `A list of controllers to enable. '*' enables all on-by-default controllers, 'foo' enables the controller named 'foo', '-foo' disables it. Known: ${knownControllers.join(', ')}`,
    ),
    'skipped-propagating-apis': flag.string(
      '',
      "Semicolon separated APIs that are never propagated: '<group>', '<group>/<version>', '<group>/<version>/<kind>,<kind>', or 'v1/<kind>' for the core group.",
    ),
    'skipped-propagating-namespaces': flag.list(
      ['kube-.*'],
      'Regular expressions of namespaces that are never propagated.',
    ),
    'cluster-status-update-frequency': flag.duration(10_000, 'How often the status of a cluster is collected.'),
    'cluster-monitor-period': flag.duration(5_000, 'How often pull clusters are checked for signs of life.'),
    'cluster-monitor-grace-period': flag.duration(
      40_000,
      'How long the agent of a pull cluster may be silent before its cluster is Unknown.',
    ),
    'cluster-startup-grace-period': flag.duration(60_000, 'The same for a cluster that never reported.'),
    'cluster-success-threshold': flag.duration(30_000, 'How long a cluster must be healthy before it is Ready again.'),
    'cluster-failure-threshold': flag.duration(30_000, 'How long a cluster must fail before it is no longer Ready.'),
    'enable-cluster-resource-modeling': flag.bool(true, 'Sum up the nodes and pods of clusters in their status.'),
    'cluster-cache-sync-timeout': flag.duration(120_000, 'How long the cache of a member cluster may take to fill.'),
    'concurrent-cluster-syncs': flag.int(5, 'The number of Clusters that are synced at once.'),
    'concurrent-resourcebinding-syncs': flag.int(5, 'The number of ResourceBindings that are synced at once.'),
    'concurrent-clusterresourcebinding-syncs': flag.int(
      5,
      'The number of ClusterResourceBindings that are synced at once.',
    ),
    'concurrent-work-syncs': flag.int(5, 'The number of Works of one cluster that are synced at once.'),
    'concurrent-namespace-syncs': flag.int(1, 'The number of Namespaces that are synced at once.'),
    'concurrent-resource-template-syncs': flag.int(5, 'The number of templates that are synced at once.'),
    'concurrent-propagation-policy-syncs': flag.int(1, 'The number of PropagationPolicies that are synced at once.'),
    'concurrent-cluster-propagation-policy-syncs': flag.int(
      1,
      'The number of ClusterPropagationPolicies that are synced at once.',
    ),
    'concurrent-dependent-resource-syncs': flag.int(2, 'The number of bindings whose dependencies are synced at once.'),
    'graceful-eviction-timeout': flag.duration(
      600_000,
      'How long a workload stays in a cluster that it is leaving while its replacement does not become healthy.',
    ),
    'enable-taint-manager': flag.bool(
      true,
      'With the feature gate Failover: look for workloads that do not tolerate the NoExecute taints of their clusters.',
    ),
    'enable-no-execute-taint-eviction': flag.bool(false, 'Let the taint manager move such workloads away.'),
    'no-execute-taint-eviction-purge-mode': flag.choice(
      ['Gracefully', 'Directly'],
      'Gracefully',
      'How they leave when their policy does not say: Gracefully keeps them until the replacement is healthy.',
    ),
    'resource-eviction-rate': flag.float(0.5, 'Evictions a second of each worker of the taint manager.'),
    'failover-eviction-timeout': flag.duration(300_000, 'Without effect.', {
      deprecated: 'it has no effect and is accepted for manifests of older releases only',
    }),
    'feature-gates': featureGatesFlag(),
    ...leaderElectionFlags(name),
    ...endpointFlags(':10357'),
    ...kubeApiFlags,
    ...clusterApiFlags,
    ...rateLimiterFlags,
    ...logFlags,
  },
});

const logger = createLogger(name, { v: flags.v, format: flags['logging-format'] });

await runComponent(
  async (signal) => {
    setMaxListeners(0, signal);
    const enabled = chooseControllers(flags.controllers);
    const gates = flags['feature-gates'];
    assertGatesBuilt(gates);
    const health = createHealth();
    const registry = createRegistry();
    const endpoints = await serveEndpoints({
      healthAddress: flags['health-probe-bind-address'],
      metricsAddress: flags['metrics-bind-address'],
      health,
      registry,
    });
    try {
      await run(signal, enabled, gates, health, registry);
    } finally {
      await endpoints.stop();
    }
  },
  { logger },
);

async function run(
  signal: AbortSignal,
  enabled: ReturnType<typeof chooseControllers>,
  gates: (typeof flags)['feature-gates'],
  health: ReturnType<typeof createHealth>,
  registry: ReturnType<typeof createRegistry>,
): Promise<void> {
  const [
    { connect, waitForServer },
    { createInformerFactory },
    { createManager },
    { createMemberClusters },
    { createMemberObjects },
    { createControlPlane },
    { createSkippedResources },
    { createDetector },
    { createBindingControllers },
    { createExecutionController },
    { createWorkStatusController },
    { createBindingStatusControllers },
    { createNamespaceSyncController },
    { createDependenciesDistributor },
    { createConfiguredLayers },
    { createClusterController },
    { createCascadeController },
    { createClusterStatusController },
    { createUnifiedAuthController },
    { createClusterHealthMonitor },
    { createAgentCsrApprovingController },
    { createClusterTaintPolicyController },
    { createTaintManager },
    { createGracefulEvictionControllers },
    { createApplicationFailoverControllers },
    types,
  ] = await Promise.all([
    import('../client/connect.ts'),
    import('../client/informer-factory.ts'),
    import('../controller/manager.ts'),
    import('../members/member-clusters.ts'),
    import('../propagation/member-objects.ts'),
    import('../propagation/create-control-plane.ts'),
    import('../propagation/detector/skipped-resources.ts'),
    import('../propagation/detector/detector-controller.ts'),
    import('../propagation/binding/binding-controller.ts'),
    import('../propagation/execution/execution-controller.ts'),
    import('../propagation/status/work-status-controller.ts'),
    import('../propagation/status/binding-status-controller.ts'),
    import('../propagation/namespaces/namespace-sync-controller.ts'),
    import('../propagation/dependencies/dependencies-distributor.ts'),
    import('../interpreter/configured-layers.ts'),
    import('../clusters/registration/cluster-controller.ts'),
    import('../clusters/registration/cascade-controller.ts'),
    import('../clusters/status/cluster-status-controller.ts'),
    import('../clusters/unified-auth/unified-auth-controller.ts'),
    import('../clusters/status/cluster-health-monitor.ts'),
    import('../clusters/agent/agent-csr-approving-controller.ts'),
    import('../clusters/taints/cluster-taint-policy-controller.ts'),
    import('../clusters/taints/taint-manager.ts'),
    import('../clusters/eviction/graceful-eviction-controller.ts'),
    import('../clusters/failover/application-failover-controller.ts'),
    import('../apis/resource-types.ts'),
  ]);
  const skipped = createSkippedResources(flags['skipped-propagating-apis'], flags['skipped-propagating-namespaces']);
  const connection = {
    kubeconfig: flags.kubeconfig,
    master: flags.master,
    qps: flags['kube-api-qps'],
    burst: flags['kube-api-burst'],
    userAgent: name,
  };
  const { client } = connect(connection);
  const { client: eventClient } = connect(connection);
  await waitForServer(client, { logger, signal });
  for (const type of [
    types.propagationPolicies,
    types.clusterPropagationPolicies,
    types.overridePolicies,
    types.clusterOverridePolicies,
    types.clusterTaintPolicies,
    types.resourceBindings,
    types.clusterResourceBindings,
    types.works,
    types.clusters,
    types.resourceInterpreterCustomizations,
    types.resourceInterpreterWebhookConfigurations,
  ])
    await waitForResource(client, type, signal);

  const informers = createInformerFactory(client, { logger });
  const controllers = {
    baseDelay: flags['rate-limiter-base-delay'],
    maxDelay: flags['rate-limiter-max-delay'],
    retryQps: flags['rate-limiter-qps'],
    retryBurst: flags['rate-limiter-bucket-size'],
    logger,
    registry,
  };
  const interpreter = createConfiguredLayers({
    informers,
    onFailure: (about, reason, message) => record(about, 'Warning', reason, message),
  });
  const controlPlane = createControlPlane({
    client,
    eventClient,
    informers,
    interpreterLayers: interpreter.layers,
    controllers,
    logger,
  });
  const record = controlPlane.recorder('resource-interpreter');
  const members = createMemberClusters({
    client,
    informers,
    qps: flags['cluster-api-qps'],
    burst: flags['cluster-api-burst'],
    cacheSyncTimeout: flags['cluster-cache-sync-timeout'],
    userAgent: name,
    logger,
  });
  const memberObjects = createMemberObjects(members);

  const lease = leaseOf(flags);
  const manager = createManager({
    informers: [informers],
    health,
    logger,
    leaderElection: lease && { client, logger, ...lease },
  });
  const add = (controller: string, runnable: { run(signal: AbortSignal): Promise<void> }): void =>
    manager.add({
      name: controller,
      run(inner) {
        // One signal ends all controllers and their queues: many listeners are no leak.
        setMaxListeners(0, inner);
        return runnable.run(inner);
      },
    });

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
    members: memberObjects,
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
  if (enabled.has('cluster'))
    add(
      'cluster',
      createClusterController({
        client,
        informers,
        events: { event: controlPlane.recorder('cluster-controller') },
        workers: flags['concurrent-cluster-syncs'],
        controllers,
      }),
    );
  if (enabled.has('cluster'))
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
        events: { event: controlPlane.recorder('cluster-status-controller') },
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
        events: { event: controlPlane.recorder('unified-auth-controller') },
        controllers,
      }),
    );

  const { recorder } = controlPlane;
  if (enabled.has('gracefulEviction') && gates.GracefulEviction)
    for (const controller of createGracefulEvictionControllers({
      client,
      informers,
      recorder,
      timeoutMs: flags['graceful-eviction-timeout'],
      controllers,
    }))
      add(controller.name, controller);
  if (gates.Failover) {
    if (enabled.has('applicationFailover'))
      for (const controller of createApplicationFailoverControllers({
        client,
        informers,
        interpreter: controlPlane.interpreter,
        recorder,
        gates,
        controllers,
      }))
        add(controller.name, controller);
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
      for (const controller of createTaintManager({
        client,
        informers,
        events: { event: recorder('taint-manager') },
        purgeMode: flags['no-execute-taint-eviction-purge-mode'] as 'Gracefully' | 'Directly',
        evictionRate: flags['resource-eviction-rate'],
        gates,
        controllers,
      }))
        add(controller.name, controller);
  }

  try {
    await manager.run(signal);
  } finally {
    await interpreter.close();
    await controlPlane.flushEvents();
    await members.close();
    await eventClient.close();
    await client.close();
  }
}

/** Custom resource definitions and aggregated groups may come later than the API server. */
async function waitForResource(client: Client, type: ResourceType, signal: AbortSignal): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await client.resource(type).list({ limit: 1, signal });
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (tries % 60 === 0) {
        const fields = { resource: `${type.resource}.${type.group}`, version: type.version };
        if (isNotFound(error)) logger.info('Waiting for a resource to be served', fields);
        else logger.warn('Waiting for a resource to be served', { ...fields, err: error });
      }
    }
    await systemClock.sleep(Math.min(1000, 100 * (tries + 1)), signal);
  }
}
