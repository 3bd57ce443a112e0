/** Scales what HorizontalPodAutoscalers point to by the usage of its pods. The key is the autoscaler's; it is looked at every 15 s. */
import { formatTime } from '../../../apimachinery/clock.ts';
import { resourcePath } from '../../../apimachinery/group-version.ts';
import { matchesRequirements, parseLabelSelector } from '../../../apimachinery/label-selector.ts';
import { deepEqual, type KubeList, objectKey } from '../../../apimachinery/object.ts';
import { formatQuantity, quantityOfMilli } from '../../../apimachinery/quantity.ts';
import { asStatusError } from '../../../apimachinery/status-error.ts';
import { createDiscovery } from '../../../client/discovery.ts';
import { type Controller, createController, type ReconcileResult } from '../../../controller/controller.ts';
import { horizontalPodAutoscalers, pods as podType } from '../../../kubernetes/resource-types.ts';
import type { HorizontalPodAutoscaler, Pod } from '../../../kubernetes/types.ts';
import type { ControllerContext } from '../controller-context.ts';
import {
  createScalingHistory,
  limit,
  noteChange,
  type ReadableAutoscaler,
  type ScalingHistory,
  stabilize,
} from './autoscaler-behavior.ts';
import { milliOf, type PodUsage, replicasFor, type Tolerance } from './autoscaler-metrics.ts';
import { createAutoscalerStatus } from './autoscaler-status.ts';
import { createScaleClient, type Scale } from './scale-client.ts';

type Metric = NonNullable<NonNullable<ReadableAutoscaler['spec']>['metrics']>[number];
type MetricStatus = NonNullable<NonNullable<HorizontalPodAutoscaler['status']>['currentMetrics']>[number];

export interface AutoscalerOptions {
  /** How often usage is looked at. Default 15 s. */
  periodMs?: number | undefined;
}

interface PodMetrics {
  metadata: { name?: string };
  timestamp: string;
  window: string;
  containers?: { name: string; usage: Record<string, string> }[];
}

const defaultTolerance = 0.1;

/** Must be called before the informers start. */
export function createAutoscalerController(context: ControllerContext, options: AutoscalerOptions = {}): Controller {
  const { informers, client, clock, logger } = context;
  const periodMs = options.periodMs ?? 15_000;
  const autoscalers = informers.informer<HorizontalPodAutoscaler>(horizontalPodAutoscalers);
  const pods = informers.informer<Pod>(podType);
  const statusClient = client.resource<HorizontalPodAutoscaler>(horizontalPodAutoscalers);
  const scales = createScaleClient(client, createDiscovery(client, clock));
  const histories = new Map<string, ScalingHistory>();
  const controller = createController({ name: 'horizontal-pod-autoscaler', workers: 5, reconcile, clock, logger });

  async function reconcile(key: string): Promise<ReconcileResult | undefined> {
    const autoscaler = autoscalers.get(key);
    if (autoscaler === undefined || autoscaler.metadata.deletionTimestamp !== undefined) {
      histories.delete(key);
      return undefined;
    }
    const draft = createAutoscalerStatus(autoscaler, clock.now());
    await scaleByUsage(key, autoscaler, draft);
    const status = draft.status();
    if (!deepEqual(autoscaler.status ?? {}, status))
      await statusClient.updateStatus({ ...autoscaler, status } as HorizontalPodAutoscaler);
    return { requeueAfter: periodMs };
  }

  async function scaleByUsage(
    key: string,
    autoscaler: ReadableAutoscaler,
    draft: ReturnType<typeof createAutoscalerStatus>,
  ): Promise<void> {
    const { spec } = autoscaler;
    if (spec === undefined) return;
    const warn = (reason: string, message: string) => context.recordEvent(autoscaler, 'Warning', reason, message);
    let scale: Scale;
    try {
      scale = await scales.get(autoscaler.metadata.namespace ?? '', spec.scaleTargetRef);
    } catch (error) {
      const { message } = asStatusError(error);
      warn('FailedGetScale', message);
      draft.condition(
        'AbleToScale',
        'False',
        'FailedGetScale',
        `the HPA controller was unable to get the target's current scale: ${message}`,
      );
      return;
    }
    draft.condition(
      'AbleToScale',
      'True',
      'SucceededGetScale',
      "the HPA controller was able to get the target's current scale",
    );
    const current = scale.spec.replicas ?? 0;
    const least = spec.minReplicas ?? 1;
    const history = histories.get(key) ?? createScalingHistory();
    if (!histories.has(key)) {
      // The size at the start counts as recommended, so that a restart does not shrink anything at once.
      history.recommendations.push({ time: clock.now(), replicas: current });
      histories.set(key, history);
    }
    let desired = current;
    let reason = '';
    if (current === 0 && least !== 0) {
      draft.condition(
        'ScalingActive',
        'False',
        'ScalingDisabled',
        'scaling is disabled since the replica count of the target is zero',
      );
    } else if (current > spec.maxReplicas) {
      desired = spec.maxReplicas;
      reason = 'Current number of replicas above Spec.MaxReplicas';
    } else if (current < least) {
      desired = least;
      reason = 'Current number of replicas below Spec.MinReplicas';
    } else {
      const computed = await wantedByMetrics(autoscaler, scale, draft);
      if (computed === undefined) {
        draft.sizes(current, draft.lastDesired(), undefined);
        return;
      }
      if (computed.replicas > current) reason = `${computed.metric} above target`;
      else if (computed.replicas < current) reason = 'All metrics below target';
      const stable = stabilize(spec, history, current, computed.replicas, clock.now());
      draft.condition('AbleToScale', 'True', stable.reason, stable.message);
      const limited = limit(spec, history, current, stable.replicas, clock.now());
      const isLimited = limited.reason === 'DesiredWithinRange' ? 'False' : 'True';
      draft.condition('ScalingLimited', isLimited, limited.reason, limited.message);
      desired = limited.replicas;
      draft.metrics(computed.statuses);
    }
    if (desired === current) return draft.sizes(current, desired, undefined);
    try {
      await scales.set(scale, desired);
    } catch (error) {
      const { message } = asStatusError(error);
      warn('FailedRescale', `New size: ${desired}; reason: ${reason}; error: ${message}`);
      draft.condition(
        'AbleToScale',
        'False',
        'FailedUpdateScale',
        `the HPA controller was unable to update the target scale: ${message}`,
      );
      return draft.sizes(current, current, undefined);
    }
    draft.condition(
      'AbleToScale',
      'True',
      'SucceededRescale',
      `the HPA controller was able to update the target scale to ${desired}`,
    );
    context.recordEvent(autoscaler, 'Normal', 'SuccessfulRescale', `New size: ${desired}; reason: ${reason}`);
    noteChange(history, desired - current, clock.now());
    draft.sizes(current, desired, formatTime(clock.now()));
  }

  /** The largest size that any metric asks for; undefined when that is not known. */
  async function wantedByMetrics(
    autoscaler: ReadableAutoscaler,
    scale: Scale,
    draft: ReturnType<typeof createAutoscalerStatus>,
  ): Promise<{ replicas: number; metric: string; statuses: MetricStatus[] } | undefined> {
    const { spec } = autoscaler;
    const current = scale.spec.replicas ?? 0;
    const fail = (reason: string, message: string): undefined => {
      context.recordEvent(autoscaler, 'Warning', reason, message);
      draft.condition(
        'ScalingActive',
        'False',
        reason,
        reason === 'InvalidSelector'
          ? "the HPA target's scale is missing a selector"
          : `the HPA was unable to compute the replica count: ${message}`,
      );
      return undefined;
    };
    if (!scale.status?.selector) return fail('InvalidSelector', 'selector is required');
    const selector = scale.status.selector;
    const requirements = parseLabelSelector(selector);
    const own = pods
      .list(autoscaler.metadata.namespace)
      .filter((pod) => matchesRequirements(requirements, pod.metadata.labels ?? {}));
    const tolerance = toleranceOf(autoscaler);
    const statuses: MetricStatus[] = [];
    let best: { replicas: number; metric: string } | undefined;
    let failure: { reason: string; message: string } | undefined;
    const metrics = spec?.metrics ?? [];
    let failed = 0;
    for (const metric of metrics) {
      try {
        const result = await askMetric(metric, autoscaler.metadata.namespace ?? '', selector, current, own, tolerance);
        statuses.push(result.status);
        if (best === undefined || result.replicas > best.replicas) best = result;
      } catch (error) {
        // Clients find the status of a metric by its place.
        statuses.push({ type: '' });
        failed++;
        failure ??= { reason: failureReason(metric), message: (error as Error).message };
      }
    }
    // One metric that is not known must not shrink anything.
    if (failure !== undefined && (best === undefined || best.replicas < current)) {
      context.recordEvent(autoscaler, 'Warning', failure.reason, failure.message);
      const message = `invalid metrics (${failed} invalid out of ${metrics.length}), first error is: ${failure.message}`;
      context.recordEvent(autoscaler, 'Warning', 'FailedComputeMetricsReplicas', message);
      draft.metrics(statuses);
      draft.condition(
        'ScalingActive',
        'False',
        failure.reason,
        `the HPA was unable to compute the replica count: ${failure.message}`,
      );
      return undefined;
    }
    if (best === undefined) return undefined;
    draft.condition(
      'ScalingActive',
      'True',
      'ValidMetricFound',
      `the HPA was able to successfully calculate a replica count from ${best.metric}`,
    );
    return { ...best, statuses };
  }

  async function askMetric(
    metric: Metric,
    namespace: string,
    selector: string,
    current: number,
    own: ReturnType<typeof pods.list>,
    tolerance: Tolerance,
  ): Promise<{ replicas: number; metric: string; status: MetricStatus }> {
    const source = metric.type === 'Resource' ? metric.resource : metric.containerResource;
    if ((metric.type !== 'Resource' && metric.type !== 'ContainerResource') || source === undefined)
      throw new Error(unsupportedText(metric, namespace));
    const container = metric.type === 'ContainerResource' ? metric.containerResource?.container : undefined;
    const { name: resource, target } = source;
    const inPercent = target.averageUtilization !== undefined;
    try {
      const usages = await readUsages(namespace, selector, resource, container);
      const goal = inPercent
        ? { utilization: target.averageUtilization ?? 0 }
        : { average: milliOf(target.averageValue ?? 0) };
      const result = replicasFor({ resource, container, target: goal }, current, own, usages, tolerance, clock.now());
      const value = formatQuantity(
        quantityOfMilli(Math.round(result.average), resource === 'memory' ? 'BinarySI' : 'DecimalSI'),
      );
      const now = {
        averageValue: value,
        ...(result.utilization === undefined ? {} : { averageUtilization: result.utilization }),
      };
      const kind = container === undefined ? 'resource' : 'container resource';
      const words = inPercent ? `${resource} ${kind} utilization (percentage of request)` : `${resource} ${kind}`;
      const status: MetricStatus =
        container === undefined
          ? { type: 'Resource', resource: { name: resource, current: now } }
          : { type: 'ContainerResource', containerResource: { name: resource, container, current: now } };
      return { replicas: result.replicas, metric: words, status };
    } catch (error) {
      const what = inPercent ? 'utilization' : 'usage';
      throw new Error(`failed to get ${resource} ${what}: ${(error as Error).message}`);
    }
  }

  async function readUsages(
    namespace: string,
    labelSelector: string,
    resource: string,
    container: string | undefined,
  ): Promise<ReadonlyMap<string, PodUsage>> {
    const metricsType = {
      group: 'metrics.k8s.io',
      version: 'v1beta1',
      resource: 'pods',
      kind: 'PodMetrics',
      namespaced: true,
    };
    let list: KubeList<PodMetrics>;
    try {
      list = await client.request('GET', resourcePath(metricsType, { namespace }), { query: { labelSelector } });
    } catch (error) {
      const { message } = asStatusError(error);
      throw new Error(
        `unable to get metrics for resource ${resource}: unable to fetch metrics from resource metrics API: ${message}`,
      );
    }
    const usages = new Map<string, PodUsage>();
    for (const { metadata, timestamp, window, containers } of list.items ?? []) {
      const counted = (containers ?? []).filter(({ name }) => container === undefined || name === container);
      if (counted.length === 0 || counted.some(({ usage }) => usage[resource] === undefined)) continue;
      const value = counted.reduce((sum, { usage }) => sum + milliOf(usage[resource]), 0);
      usages.set(metadata.name ?? '', { value, time: Date.parse(timestamp), windowMs: secondsOf(window) * 1000 });
    }
    if (usages.size === 0)
      throw new Error(`unable to get metrics for resource ${resource}: no metrics returned from resource metrics API`);
    return usages;
  }

  autoscalers.addHandler({
    added: (autoscaler) => controller.enqueue(objectKey(autoscaler)),
    updated(autoscaler, old) {
      if (autoscaler.metadata.generation !== old.metadata.generation || !deepEqual(autoscaler.spec, old.spec))
        controller.enqueue(objectKey(autoscaler));
    },
    deleted: (autoscaler) => void histories.delete(objectKey(autoscaler)),
  });
  return controller;
}

function toleranceOf({ spec }: ReadableAutoscaler): Tolerance {
  const of = (rules: object | undefined): number => {
    const text = (rules as { tolerance?: string } | undefined)?.tolerance;
    return text === undefined ? defaultTolerance : milliOf(text) / 1000;
  };
  return { up: of(spec?.behavior?.scaleUp), down: of(spec?.behavior?.scaleDown) };
}

const failureReasons: Readonly<Record<string, string>> = {
  Resource: 'FailedGetResourceMetric',
  ContainerResource: 'FailedGetContainerResourceMetric',
  Pods: 'FailedGetPodsMetric',
  Object: 'FailedGetObjectMetric',
  External: 'FailedGetExternalMetric',
};
const failureReason = ({ type }: Metric): string => failureReasons[type] ?? 'InvalidMetricSourceType';

/** The APIs of other metrics are those of adapters, and no adapter is part of this cluster. */
function unsupportedText({ type, pods, object, external }: Metric, namespace: string): string {
  const custom =
    'unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered';
  switch (type) {
    case 'Pods':
      return `unable to get metric ${pods?.metric.name}: ${custom}`;
    case 'Object':
      return `unable to get metric ${object?.metric.name}: ${object?.describedObject.kind} on ${namespace} ${object?.describedObject.name}/${custom}`;
    case 'External':
      return `unable to get external metric ${namespace}/${external?.metric.name}: unable to fetch metrics from external metrics API: no external metrics API (external.metrics.k8s.io) registered`;
    default:
      return `unknown metric source type "${type}"`;
  }
}

/** Go's durations, as windows are written: `15s`, `1m0s`. */
function secondsOf(window: string): number {
  const [, minutes = '0', seconds = '0'] = /^(?:(\d+)m)?(?:([\d.]+)s)?$/.exec(window) ?? [];
  return Number(minutes) * 60 + Number(seconds);
}
