/** What the state of a node means for its conditions, its taints and the pods on it. */
import { formatTime } from '../../../apimachinery/clock.ts';
import { type DeepReadonly, deepEqual } from '../../../apimachinery/object.ts';
import type { Node, Pod } from '../../../kubernetes/types.ts';
import { toleratesTaint } from '../../pod-scheduler/node-filters.ts';

export type ReadableNode = DeepReadonly<Node>;
type Taint = NonNullable<NonNullable<Node['spec']>['taints']>[number];
type ReadableTaint = DeepReadonly<Taint>;
type Condition = NonNullable<NonNullable<Node['status']>['conditions']>[number];

const notReady = 'node.kubernetes.io/not-ready';
const unreachable = 'node.kubernetes.io/unreachable';
const unschedulable = 'node.kubernetes.io/unschedulable';
/** Conditions that, when they are True, keep further pods away. */
const taintOfCondition: Readonly<Record<string, string>> = {
  MemoryPressure: 'node.kubernetes.io/memory-pressure',
  DiskPressure: 'node.kubernetes.io/disk-pressure',
  PIDPressure: 'node.kubernetes.io/pid-pressure',
  NetworkUnavailable: 'node.kubernetes.io/network-unavailable',
};
const ourTaints = [notReady, unreachable, unschedulable, ...Object.values(taintOfCondition)];
const heartbeatConditions = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];

export const readyStatus = (node: ReadableNode): string | undefined =>
  node.status?.conditions?.find(({ type }) => type === 'Ready')?.status;

/** Conditions of a node that taints follow, as one text. */
export const taintingConditions = (node: ReadableNode): string =>
  (node.status?.conditions ?? [])
    .filter(({ type, status }) => type === 'Ready' || (taintOfCondition[type] !== undefined && status === 'True'))
    .map(({ type, status }) => `${type}=${status}`)
    .sort()
    .join();

/** The taints as they should be, or undefined when they are. Others' taints stay. */
export function taintsToWrite(node: ReadableNode, now: number): Taint[] | undefined {
  const ready = readyStatus(node);
  const wanted: Taint[] = [];
  const want = (key: string, effect: Taint['effect']) => wanted.push({ key, effect });
  if (node.spec?.unschedulable === true) want(unschedulable, 'NoSchedule');
  for (const { type, status } of node.status?.conditions ?? []) {
    const key = taintOfCondition[type];
    if (key !== undefined && status === 'True') want(key, 'NoSchedule');
  }
  const down = ready === 'Unknown' ? unreachable : ready === 'False' ? notReady : undefined;
  if (down !== undefined) {
    want(down, 'NoSchedule');
    want(down, 'NoExecute');
  }
  const present = (node.spec?.taints ?? []) as readonly ReadableTaint[];
  const isOurs = ({ key }: ReadableTaint) => ourTaints.includes(key);
  const kept = present.filter(
    (taint) => !isOurs(taint) || wanted.some(({ key, effect }) => key === taint.key && effect === taint.effect),
  );
  const missing = wanted.filter(
    ({ key, effect }) => !present.some((taint) => taint.key === key && taint.effect === effect),
  );
  const next = [...kept, ...missing.map((taint) => ({ ...taint, timeAdded: formatTime(now) }))] as Taint[];
  return deepEqual(next, present) ? undefined : next;
}

/** Conditions of a node whose Lease ran out. */
export function unknownConditions(node: ReadableNode, now: number): Condition[] {
  const time = formatTime(now);
  return (node.status?.conditions ?? []).map((condition) =>
    heartbeatConditions.includes(condition.type) && condition.status !== 'Unknown'
      ? {
          ...condition,
          status: 'Unknown',
          reason: 'NodeStatusUnknown',
          message: 'Kubelet stopped posting node status.',
          lastTransitionTime: time,
        }
      : condition,
  ) as Condition[];
}

/** When the pod has to leave its node (ms); undefined: it may stay. */
export function evictionTime(pod: DeepReadonly<Pod>, node: ReadableNode): number | undefined {
  let earliest: number | undefined;
  for (const taint of (node.spec?.taints ?? []) as readonly ReadableTaint[]) {
    if (taint.effect !== 'NoExecute') continue;
    const since = taint.timeAdded === undefined ? 0 : Date.parse(String(taint.timeAdded));
    const tolerations = (pod.spec?.tolerations ?? []).filter((toleration) => toleratesTaint(toleration, taint));
    if (tolerations.length === 0) return 0;
    const seconds = tolerations
      .map(({ tolerationSeconds }) => tolerationSeconds)
      .filter((value): value is number => value !== undefined);
    if (seconds.length === 0) continue;
    const end = since + Math.max(0, Math.min(...seconds)) * 1000;
    earliest = Math.min(earliest ?? end, end);
  }
  return earliest;
}
