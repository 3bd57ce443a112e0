/** Small clusters and bindings for the tables of the tests. */
import type { Cluster as ClusterObject } from '../apis/cluster/v1alpha1/cluster.ts';
import type { Placement } from '../apis/policy/v1alpha1/propagation-policy.ts';
import type { ResourceBinding, ResourceBindingSpec, TargetCluster } from '../apis/work/v1alpha2/resource-binding.ts';
import type { Estimator } from './estimation/estimate.ts';
import { allPlugins } from './plugins/registry.ts';
import { type RunOptions, runScheduling } from './run.ts';
import type { Cluster } from './types.ts';

export function cluster(name: string, spec: Partial<ClusterObject['spec']> = {}, pods?: number): ClusterObject {
  return {
    apiVersion: 'cluster.karmada.io/v1alpha1',
    kind: 'Cluster',
    metadata: { name },
    spec: { syncMode: 'Push', ...spec },
    status: {
      apiEnablements: [{ groupVersion: 'apps/v1', resources: [{ name: 'deployments', kind: 'Deployment' }] }],
      ...(pods === undefined ? {} : { resourceSummary: { allocatable: { pods: String(pods) } } }),
    },
  };
}

export const clusters = (count: number): ClusterObject[] =>
  Array.from({ length: count }, (_, i) => cluster(`m${i + 1}`));

/** Allocatable replicas by cluster name. */
export function roomOf(rooms: Readonly<Record<string, number>>): Estimator {
  return { name: 'table', maxReplicas: (object) => rooms[object.metadata.name ?? ''] ?? -1 };
}

export function binding(
  spec: Partial<ResourceBindingSpec>,
  metadata: ResourceBinding['metadata'] = {},
): ResourceBinding {
  return {
    apiVersion: 'work.karmada.io/v1alpha2',
    kind: 'ResourceBinding',
    metadata: { name: 'nginx-deployment', namespace: 'default', generation: 1, ...metadata },
    spec: { resource: { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'default', name: 'nginx' }, ...spec },
  };
}

/** `m1 2, m3 1` → targets. */
export function targets(text: string): TargetCluster[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const [name = '', replicas] = part.split(' ');
      return replicas === undefined ? { name } : { name, replicas: Number(replicas) };
    });
}

export const text = (list: readonly TargetCluster[]): string =>
  list.map(({ name, replicas }) => (replicas === undefined ? name : `${name} ${replicas}`)).join(', ');

export const defaultRun: RunOptions = { plugins: allPlugins, estimators: [], propagateEmptyWorkloads: false };

/** The targets of one run as text, or the error's message. */
export function run(
  placement: Placement,
  spec: Partial<ResourceBindingSpec>,
  list: readonly Cluster[],
  options: Partial<RunOptions> & { fresh?: boolean; affinityName?: string } = {},
): string {
  const { fresh = false, affinityName = '', ...rest } = options;
  try {
    const task = { spec: binding({ placement, ...spec }).spec, fresh, affinityName };
    return text(runScheduling(task, list, { ...defaultRun, ...rest }));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
