/** The flags of karmada-controller-manager. */
import { featureGatesFlag } from '../../component/feature-gates.ts';
import {
  clusterApiFlags,
  endpointFlags,
  kubeApiFlags,
  leaderElectionFlags,
  logFlags,
  profilingFlags,
  rateLimiterFlags,
  resyncFlags,
} from '../../component/flag-groups.ts';
import { type FlagValues, flag } from '../../component/flags.ts';
import { knownControllers } from '../../propagation/choose-controllers.ts';

export const controllerManagerName = 'karmada-controller-manager';

export const controllerManagerFlags = {
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
  ...leaderElectionFlags(controllerManagerName),
  ...endpointFlags(':10357'),
  ...profilingFlags,
  ...kubeApiFlags,
  ...clusterApiFlags,
  ...rateLimiterFlags,
  ...resyncFlags,
  ...logFlags,
};

export type ControllerManagerFlags = FlagValues<typeof controllerManagerFlags>;
