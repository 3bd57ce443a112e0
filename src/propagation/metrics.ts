/** Metrics of the way from template to member, under upstream's names. */
import { counter, exponentialBuckets, histogram, type Registry } from '../component/metrics.ts';

type Target = { cluster: string; apiVersion: string; kind: string };

export interface PropagationMetrics {
  /** Looking for the policy of a template; `seconds` it took. */
  matchedPolicy(seconds: number): void;
  /** Run and measured, by how it ended. */
  applyPolicy<T>(work: () => Promise<T>): Promise<T>;
  syncWork<T>(work: () => Promise<T>): Promise<T>;
  syncWorkload<T>(work: () => Promise<T>): Promise<T>;
  preemption(result: Result): void;
  created(target: Target, result: Result): void;
  /** `operationResult`: updated, unchanged or none. */
  updated(target: Target, result: Result, operationResult: string): void;
  deleted(target: Target, result: Result): void;
}

export type Result = 'success' | 'error';

/** Without a registry nothing is counted. */
export function createPropagationMetrics(registry: Registry | undefined): PropagationMetrics {
  if (registry === undefined) return uncounted;
  const buckets = exponentialBuckets(0.001, 2, 12);
  const result = ['result'] as const;
  const duration = (name: string, help: string) => histogram(registry, name, help, result, buckets);
  const matched = histogram(
    registry,
    'resource_match_policy_duration_seconds',
    'Duration in seconds to find a matched propagation policy for the resource templates.',
    [],
    buckets,
  );
  const applied = duration(
    'resource_apply_policy_duration_seconds',
    'Duration in seconds to apply a propagation policy for the resource templates.',
  );
  const attempts = counter(
    registry,
    'policy_apply_attempts_total',
    'Number of attempts to be applied for a propagation policy.',
    result,
  );
  const works = duration(
    'binding_sync_work_duration_seconds',
    'Duration in seconds to sync works for a binding object.',
  );
  const workloads = duration(
    'work_sync_workload_duration_seconds',
    'Duration in seconds to sync the workload to a target cluster.',
  );
  const preemptions = counter(
    registry,
    'policy_preemption_total',
    'Number of preemptions for the resource templates.',
    result,
  );
  const target = ['result', 'apiversion', 'kind', 'member_cluster'] as const;
  const creations = counter(
    registry,
    'create_resource_to_cluster',
    'Number of creation operations against a target member cluster.',
    [...target, 'recreate'],
  );
  const updates = counter(
    registry,
    'update_resource_to_cluster',
    'Number of updating operations of the resource to a target member cluster.',
    [...target, 'operationResult'],
  );
  const deletions = counter(
    registry,
    'delete_resource_from_cluster',
    'Number of deletion operations of the resource from a target member cluster.',
    target,
  );
  const labels = ({ cluster, apiVersion, kind }: Target) => ({
    apiversion: apiVersion,
    kind,
    member_cluster: cluster,
  });
  return {
    matchedPolicy: (seconds) => matched.observe(seconds),
    applyPolicy: (work) =>
      measured(work, (ended, seconds) => {
        applied.observe({ result: ended }, seconds);
        attempts.inc({ result: ended });
      }),
    syncWork: (work) => measured(work, (ended, seconds) => works.observe({ result: ended }, seconds)),
    syncWorkload: (work) => measured(work, (ended, seconds) => workloads.observe({ result: ended }, seconds)),
    preemption: (ended) => preemptions.inc({ result: ended }),
    // Upstream keeps this label although it always reports false.
    created: (on, ended) => creations.inc({ result: ended, ...labels(on), recreate: 'false' }),
    updated: (on, ended, operationResult) => updates.inc({ result: ended, ...labels(on), operationResult }),
    deleted: (on, ended) => deletions.inc({ result: ended, ...labels(on) }),
  };
}

async function measured<T>(work: () => Promise<T>, told: (ended: Result, seconds: number) => void): Promise<T> {
  const start = performance.now();
  let ended: Result = 'error';
  try {
    const value = await work();
    ended = 'success';
    return value;
  } finally {
    told(ended, (performance.now() - start) / 1000);
  }
}

const run = <T>(work: () => Promise<T>): Promise<T> => work();
const uncounted: PropagationMetrics = {
  matchedPolicy() {},
  applyPolicy: run,
  syncWork: run,
  syncWorkload: run,
  preemption() {},
  created() {},
  updated() {},
  deleted() {},
};
