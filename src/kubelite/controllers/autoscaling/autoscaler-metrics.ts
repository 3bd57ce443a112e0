/** How many replicas a resource metric asks for: the arithmetic of upstream's replica calculator over pods and their usage. */
import type { DeepReadonly } from '../../../apimachinery/object.ts';
import { milliValue, parseQuantity, wholeValue } from '../../../apimachinery/quantity.ts';
import type { Pod } from '../../../kubernetes/types.ts';
import { podCondition } from '../pod-readiness.ts';

type ReadablePod = DeepReadonly<Pod>;

/** Usage of one pod: thousandths of the resource's unit. */
export interface PodUsage {
  value: number;
  /** Milliseconds since the epoch, and the length of the window before it. */
  time: number;
  windowMs: number;
}

export interface ResourceMetric {
  resource: string;
  /** Only this container; all of them without. */
  container?: string | undefined;
  /** Percent of the request, or thousandths per pod. */
  target: { utilization: number } | { average: number };
}

export interface Tolerance {
  up: number;
  down: number;
}

export interface MetricResult {
  replicas: number;
  /** Percent; only for a target in percent. */
  utilization?: number;
  /** Thousandths per pod. */
  average: number;
}

const cpuInitializationMs = 5 * 60_000;
const initialReadinessMs = 30_000;

/** Throws when the metric cannot be computed; the message is upstream's. */
export function replicasFor(
  metric: ResourceMetric,
  current: number,
  pods: readonly ReadablePod[],
  usages: ReadonlyMap<string, PodUsage>,
  tolerance: Tolerance,
  now: number,
): MetricResult {
  const { ready, unready, missing } = groupPods(metric, pods, usages, now);
  if (ready.length === 0) throw new Error('did not receive metrics for targeted pods (pods might be unready)');
  const values = new Map(ready.map((pod) => [pod, usages.get(nameOf(pod))?.value ?? 0]));
  const requests = 'utilization' in metric.target ? requestsOf(metric, pods) : undefined;
  const ratioOf = (): { ratio: number; utilization?: number; average: number } => {
    let used = 0;
    let requested = 0;
    for (const [pod, value] of values) {
      used += value;
      requested += requests?.get(nameOf(pod)) ?? 0;
    }
    const average = Math.floor(used / values.size);
    if ('average' in metric.target) return { ratio: average / metric.target.average, average };
    if (requested === 0) throw new Error('no metrics returned matched known pods');
    const utilization = Math.floor((used * 100) / requested);
    return { ratio: utilization / metric.target.utilization, utilization, average };
  };
  const measured = ratioOf();
  const result = (replicas: number): MetricResult => ({
    replicas,
    average: measured.average,
    ...(measured.utilization === undefined ? {} : { utilization: measured.utilization }),
  });
  const tolerated = (ratio: number): boolean => ratio >= 1 - tolerance.down && ratio <= 1 + tolerance.up;
  const countUnready = unready.length > 0 && measured.ratio > 1;
  if (!countUnready && missing.length === 0)
    return result(tolerated(measured.ratio) ? current : Math.ceil(measured.ratio * ready.length));
  // What is not known is taken as what speaks against a change.
  for (const pod of missing) {
    if (measured.ratio > 1) values.set(pod, 0);
    else if (measured.ratio < 1) values.set(pod, cautiousUsage(metric, requests?.get(nameOf(pod)) ?? 0));
  }
  if (countUnready) for (const pod of unready) values.set(pod, 0);
  const { ratio } = ratioOf();
  const turned = (measured.ratio < 1 && ratio > 1) || (measured.ratio > 1 && ratio < 1);
  if (tolerated(ratio) || turned) return result(current);
  const replicas = Math.ceil(ratio * values.size);
  const backwards = (ratio < 1 && replicas > current) || (ratio > 1 && replicas < current);
  return result(backwards ? current : replicas);
}

function cautiousUsage({ target }: ResourceMetric, request: number): number {
  return 'average' in target ? target.average : (request * Math.max(100, target.utilization)) / 100;
}

function groupPods(
  metric: ResourceMetric,
  pods: readonly ReadablePod[],
  usages: ReadonlyMap<string, PodUsage>,
  now: number,
) {
  const groups = { ready: [] as ReadablePod[], unready: [] as ReadablePod[], missing: [] as ReadablePod[] };
  for (const pod of pods) {
    if (pod.metadata.deletionTimestamp !== undefined || pod.status?.phase === 'Failed') continue;
    const usage = usages.get(nameOf(pod));
    if (pod.status?.phase === 'Pending') groups.unready.push(pod);
    else if (usage === undefined) groups.missing.push(pod);
    else if (metric.resource === 'cpu' && isSettling(pod, usage, now)) groups.unready.push(pod);
    else groups.ready.push(pod);
  }
  return groups;
}

/** cpu of a pod that starts says nothing about the load. */
function isSettling(pod: ReadablePod, usage: PodUsage, now: number): boolean {
  const condition = podCondition(pod, 'Ready');
  if (condition === undefined || pod.status?.startTime === undefined) return true;
  const started = Date.parse(pod.status.startTime);
  const changed = Date.parse(String(condition.lastTransitionTime));
  if (started + cpuInitializationMs > now) return condition.status === 'False' || usage.time < changed + usage.windowMs;
  return condition.status === 'False' && started + initialReadinessMs > changed;
}

function requestsOf(
  { resource, container }: ResourceMetric,
  pods: readonly ReadablePod[],
): ReadonlyMap<string, number> {
  const requests = new Map<string, number>();
  for (const pod of pods) {
    const sidecars = (pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
    const counted = [...(pod.spec?.containers ?? []), ...sidecars].filter(
      ({ name }) => container === undefined || name === container,
    );
    let sum = 0;
    for (const { name, resources } of counted) {
      const text = resources?.requests?.[resource];
      if (text === undefined)
        throw new Error(`missing request for ${resource} in container ${name} of Pod ${nameOf(pod)}`);
      sum += milliOf(text);
    }
    requests.set(nameOf(pod), sum);
  }
  return requests;
}

/** Thousandths; large amounts lose nothing that matters. */
export function milliOf(text: unknown): number {
  const quantity = parseQuantity(String(text));
  const whole = wholeValue(quantity);
  return whole > 1_000_000_000n ? Number(whole) * 1000 : Number(milliValue(quantity));
}

const nameOf = (pod: ReadablePod): string => pod.metadata.name ?? '';
