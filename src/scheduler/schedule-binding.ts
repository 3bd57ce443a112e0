/** What happens to one binding: decide, run, record. */
import type { Clock } from '../apimachinery/clock.ts';
import { objectKey } from '../apimachinery/object.ts';
import { isNotFound, StatusError } from '../apimachinery/status-error.ts';
import type { TargetCluster } from '../apis/work/v1alpha2/resource-binding.ts';
import { isResponsible } from './binding-events.ts';
import { decide } from './decision.ts';
import {
  applyCondition,
  applyEstimatorCondition,
  type DecisionRecord,
  targetsPatch,
  timeNow,
} from './decision-record.ts';
import { FitError, messageOf, UnschedulableError } from './errors.ts';
import type { Estimator } from './estimation/estimate.ts';
import type { SchedulerMetrics } from './metrics.ts';
import { missingPlacement, type Plan, planPlacement } from './plan.ts';
import type { Outcome } from './queue.ts';
import type { RunOptions } from './run.ts';
import { type Binding, type Cluster, isRescheduleRequested } from './types.ts';
import { type DecisionLog, decisionEntry } from './why/decision-log.ts';

export interface BindingSchedulerOptions {
  schedulerName: string;
  clusters(): readonly Cluster[];
  cluster(name: string): Cluster | undefined;
  run: RunOptions;
  /** Asks estimators that are elsewhere; undefined where there is nothing to ask. */
  askEstimator?: ((binding: Binding, run: RunOptions) => Promise<Estimator | undefined>) | undefined;
  /** Told of targets that were written. */
  assume?: ((binding: Binding, targets: readonly TargetCluster[]) => void) | undefined;
  record: DecisionRecord;
  /** Keeps why a binding was placed as it was. */
  log: DecisionLog;
  metrics: SchedulerMetrics;
  clock: Clock;
}

export interface Result {
  outcome: Outcome;
  /** The binding as this scheduler last wrote it. */
  written?: Binding | undefined;
  /** Why there will be another try. */
  error?: unknown;
}

/**
 * Everything from the last estimator's answer to the first write is synchronous, so that decisions never see each other half done.
 */
export async function scheduleBinding(binding: Binding, options: BindingSchedulerOptions): Promise<Result> {
  const { record, clock } = options;
  const { metadata, spec } = binding;
  if (metadata.deletionTimestamp !== undefined) {
    record.failed(
      binding,
      metadata.namespace
        ? `skip schedule deleting resourceBinding: ${metadata.namespace}/${metadata.name}`
        : `skip schedule deleting clusterResourceBinding: ${metadata.name}`,
    );
    return { outcome: 'forget' };
  }
  if (!isResponsible(binding, options.schedulerName)) return { outcome: 'forget' };
  if (spec.placement === undefined) {
    return { outcome: 'backoff', error: missingPlacement(binding) };
  }

  const { decision, because } = decide(binding, options.cluster, options.run.multipleTemplates);
  if (decision === 'nothing') return { outcome: 'forget' };
  const start = clock.now();
  try {
    if (decision === 'observe') {
      const generation = metadata.generation ?? 0;
      const written = await record.writeStatus(binding, (status) => {
        status.schedulerObservedGeneration = generation;
      });
      return { outcome: 'forget', written };
    }
    const { run } = options;
    const asked = await options.askEstimator?.(binding, run);
    const estimators = asked === undefined ? run.estimators : [...run.estimators, asked];
    const plan = planPlacement(binding, options.clusters(), { ...run, estimators }, true);
    options.log.record(decisionEntry(binding, { cause: decision, because }, plan, clock.now()));
    const result = await carryOut(binding, plan, options);
    const failed = result.outcome !== 'forget';
    options.metrics.attempt(failed ? 'error' : 'scheduled', decision, (clock.now() - start) / 1000);
    return result;
  } catch (error) {
    if (isGone(error)) return { outcome: 'forget' };
    options.metrics.attempt('error', decision, (clock.now() - start) / 1000);
    return { outcome: 'backoff', error };
  }
}

async function carryOut(binding: Binding, plan: Plan, options: BindingSchedulerOptions): Promise<Result> {
  const { record } = options;
  for (const failure of plan.termFailures) record.failed(binding, failure);
  if (plan.error === undefined) return recordSuccess(binding, plan, options);
  if (!(plan.error instanceof FitError)) {
    if (plan.termFailures.length === 0) record.failed(binding, messageOf(plan.error));
    return recordFailure(binding, binding, plan, plan.error, options);
  }
  let current = binding;
  let error: unknown = plan.error;
  try {
    current = await record.writeTargets(binding, undefined);
  } catch (refused) {
    if (isGone(refused)) throw refused;
    error = new AggregateError([plan.error, refused], `[${messageOf(plan.error)}, ${messageOf(refused)}]`);
  }
  record.failed(binding, messageOf(error));
  return recordFailure(binding, current, plan, error, options);
}

async function recordSuccess(binding: Binding, plan: Plan, options: BindingSchedulerOptions): Promise<Result> {
  const { record, clock } = options;
  const targets = plan.targets ?? [];
  const read = binding.metadata.generation ?? 0;
  const moved = targetsPatch(binding, targets) !== undefined;
  let current = binding;
  if (moved) {
    try {
      current = await record.writeTargets(binding, targets);
      options.assume?.(current, targets);
    } catch (error) {
      if (isGone(error)) throw error;
      options.log.refused(objectKey(binding), error);
      record.failed(binding, messageOf(error));
      return recordFailure(binding, binding, plan, error, options);
    }
  }
  // When nobody else changed the spec meanwhile, the generation that the targets made is known to be handled, too.
  const now = current.metadata.generation ?? 0;
  const observed = now === read + 1 ? now : read;
  const acknowledge = moved || isRescheduleRequested(binding);
  const written = await record.writeStatus(current, (status) => {
    const before = JSON.stringify(status);
    applyCondition(status, undefined, clock);
    applyEstimatorCondition(status, ignoredEstimators(plan), clock);
    status.schedulerObservedGeneration = observed;
    if (plan.affinityName !== undefined) status.schedulerObservingAffinityName = plan.affinityName;
    if (acknowledge || JSON.stringify(status) !== before) status.lastScheduledTime = timeNow(clock);
  });
  if (moved || written !== undefined) record.succeeded(binding, targets);
  return { outcome: 'forget', written: written ?? (moved ? current : undefined) };
}

async function recordFailure(
  binding: Binding,
  current: Binding,
  plan: Plan,
  error: unknown,
  { record, clock }: BindingSchedulerOptions,
): Promise<Result> {
  const written = await record.writeStatus(current, (status) => {
    applyCondition(status, error, clock);
    applyEstimatorCondition(status, ignoredEstimators(plan), clock);
  });
  const latest = written ?? (current === binding ? undefined : current);
  if (error instanceof FitError) return { outcome: 'forget', written: latest };
  return { outcome: error instanceof UnschedulableError ? 'unschedulable' : 'backoff', written: latest, error };
}

/** Of the run that counted. */
const ignoredEstimators = (plan: Plan) => plan.runs.at(-1)?.ignoredEstimators ?? [];

/** The binding, or its namespace, is on its way out: nothing is left to schedule. */
function isGone(error: unknown): boolean {
  if (isNotFound(error)) return true;
  return (
    error instanceof StatusError &&
    (error.status.details?.causes ?? []).some((cause) => cause.reason === 'NamespaceTerminating')
  );
}
