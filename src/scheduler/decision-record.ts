/** What a decision writes: targets and applied placement in one patch, the condition in another, Events beside them. */
import { type Clock, formatTime } from '../apimachinery/clock.ts';
import { setCondition } from '../apimachinery/conditions.ts';
import { type Condition, cloneJson, deepEqual, type KubeObject, type ObjectRef } from '../apimachinery/object.ts';
import { isConflict, StatusError } from '../apimachinery/status-error.ts';
import {
  appliedPlacementAnnotation,
  bindingScheduled,
  bindingScheduledReason,
  bindingScheduledSuccessMessage,
  eventReason,
} from '../apis/constants.ts';
import { clusterResourceBindings, resourceBindings } from '../apis/resource-types.ts';
import type { ResourceBinding, ResourceBindingStatus, TargetCluster } from '../apis/work/v1alpha2/resource-binding.ts';
import type { Client, ResourceClient } from '../client/client.ts';
import type { EventRecorder } from '../controller/event-recorder.ts';
import { parsePlacement } from './decision.ts';
import { FitError, UnschedulableError } from './errors.ts';
import type { Binding } from './types.ts';

export interface DecisionRecord {
  /** Writes the targets (undefined clears them) and the placement they were chosen for; the binding as it is now. */
  writeTargets(binding: Binding, targets: readonly TargetCluster[] | undefined): Promise<Binding>;
  /** Writes what `change` makes of the latest status, if that is a change; undefined when nothing was written. */
  writeStatus(binding: Binding, change: (status: ResourceBindingStatus) => void): Promise<Binding | undefined>;
  succeeded(binding: Binding, targets: readonly TargetCluster[]): void;
  failed(binding: Binding, message: string): void;
}

/** Tries after a conflict, each with the status as it then is. */
const maxStatusTries = 5;

export function createDecisionRecord(client: Client, recorder: EventRecorder): DecisionRecord {
  const namespaced = client.resource<ResourceBinding>(resourceBindings);
  const clusterScoped = client.resource<ResourceBinding>(clusterResourceBindings);
  const resourceOf = (binding: Binding): ResourceClient<ResourceBinding> =>
    binding.metadata.namespace ? namespaced : clusterScoped;
  const event = (binding: Binding, type: 'Normal' | 'Warning', reason: string, message: string): void => {
    recorder.event(binding, type, reason, message);
    recorder.event(templateOf(binding), type, reason, message);
  };

  return {
    /**
     * Carries no resourceVersion: targets belong to the scheduler alone, and if the placement changed meanwhile, the annotation
     * tells so and the binding is scheduled again.
     */
    async writeTargets(binding, targets) {
      const patch = targetsPatch(binding, targets);
      return patch === undefined ? binding : resourceOf(binding).patch(refOf(binding), 'merge', patch);
    },
    async writeStatus(binding, change) {
      let latest = binding;
      for (let tries = 1; ; tries++) {
        const before = (latest.status ?? {}) as ResourceBindingStatus;
        const after = cloneJson<ResourceBindingStatus>(before);
        change(after);
        if (deepEqual(before, after)) return undefined;
        const changed = Object.fromEntries(
          Object.entries(after).filter(([field, value]) => !deepEqual(value, before[field as keyof typeof before])),
        );
        // Conditions are replaced as a list, and others write theirs: the version guards them.
        const { resourceVersion } = latest.metadata;
        try {
          return await resourceOf(binding).patch(
            refOf(binding),
            'merge',
            { metadata: { resourceVersion }, status: changed },
            { subresource: 'status' },
          );
        } catch (error) {
          if (!isConflict(error) || tries >= maxStatusTries) throw error;
          latest = await resourceOf(binding).get(refOf(binding));
        }
      }
    },
    succeeded(binding, targets) {
      const result = `{${targets.map(({ name, replicas }) => `${name}:${replicas ?? 0}`).join(', ')}}`;
      const colon = binding.metadata.namespace ? ':' : '';
      event(
        binding,
        'Normal',
        eventReason.scheduleBindingSucceed,
        `${bindingScheduledSuccessMessage} Result${colon} ${result}`,
      );
    },
    failed(binding, message) {
      event(binding, 'Warning', eventReason.scheduleBindingFailed, message);
    },
  };
}

/** The condition `Scheduled` that an outcome stands for. */
export function scheduledCondition(error: unknown): Omit<Condition, 'lastTransitionTime'> {
  if (error === undefined)
    return {
      type: bindingScheduled,
      status: 'True',
      reason: bindingScheduledReason.success,
      message: bindingScheduledSuccessMessage,
    };
  const message = error instanceof Error ? error.message : String(error);
  return { type: bindingScheduled, status: 'False', reason: reasonOf(error), message };
}

/** Sets the condition; lastTransitionTime moves only with the status. */
export function applyCondition(status: ResourceBindingStatus, error: unknown, clock: Clock): void {
  status.conditions = setCondition(status.conditions, scheduledCondition(error), clock.now());
}

/** Says whether estimators had to be left out. A binding that has never seen one fail does not get it. */
const estimatorsAnswered = 'EstimatorsAnswered';

/** Sets the condition; the run went on without these estimators. */
export function applyEstimatorCondition(
  status: ResourceBindingStatus,
  ignored: readonly { name: string; reason: string }[],
  clock: Clock,
): void {
  const known = status.conditions?.some(({ type }) => type === estimatorsAnswered) === true;
  if (ignored.length === 0 && !known) return;
  const condition =
    ignored.length === 0
      ? ({ status: 'True', reason: 'Success', message: 'All estimators answered.' } as const)
      : ({
          status: 'False',
          reason: 'EstimatorFailed',
          message: ignored.map(({ name, reason }) => `${name} was left out: ${reason}`).join('; '),
        } as const);
  status.conditions = setCondition(status.conditions, { type: estimatorsAnswered, ...condition }, clock.now());
}

export const timeNow = (clock: Clock): string => formatTime(clock.now());

/** Undefined when the binding says all of it already; targets in another order are the same targets. */
export function targetsPatch(binding: Binding, targets: readonly TargetCluster[] | undefined): object | undefined {
  const patch: { metadata?: object; spec?: object } = {};
  const placement = binding.spec.placement ?? {};
  const applied = binding.metadata.annotations?.[appliedPlacementAnnotation];
  if (applied === undefined || !deepEqual(parsePlacement(applied), placement))
    patch.metadata = { annotations: { [appliedPlacementAnnotation]: JSON.stringify(placement) } };
  const before = binding.spec.clusters ?? [];
  if (!sameTargets(before, targets ?? []))
    patch.spec = { clusters: targets === undefined || targets.length === 0 ? null : targets };
  return patch.metadata === undefined && patch.spec === undefined ? undefined : patch;
}

function sameTargets(a: readonly object[], b: readonly TargetCluster[]): boolean {
  const key = (target: Partial<TargetCluster>): string =>
    JSON.stringify([target.name, target.replicas ?? 0, target.components ?? []]);
  return deepEqual(a.map((target) => key(target)).sort(), b.map(key).sort());
}

function reasonOf(error: unknown): string {
  if (error instanceof FitError || (error instanceof AggregateError && error.errors[0] instanceof FitError))
    return bindingScheduledReason.noClusterFit;
  if (error instanceof UnschedulableError) return bindingScheduledReason.unschedulable;
  if (error instanceof StatusError && error.code === 403 && error.reason === 'QuotaExceeded')
    return bindingScheduledReason.quotaExceeded;
  return bindingScheduledReason.schedulerError;
}

function refOf(binding: Binding): ObjectRef {
  return { namespace: binding.metadata.namespace, name: binding.metadata.name ?? '' };
}

/** Enough of the template to record Events on it. */
export function templateOf(binding: Binding): KubeObject {
  const { apiVersion, kind, namespace, name, uid } = binding.spec.resource;
  const metadata: KubeObject['metadata'] = { name };
  if (namespace) metadata.namespace = namespace;
  if (uid) metadata.uid = uid;
  return { apiVersion, kind, metadata };
}
