/** Which nodes a DaemonSet runs on, what to make and delete there, and its status: pure functions. */
import type { DeepReadonly } from '../../../apimachinery/object.ts';
import { scaledValue } from '../../../kubernetes/int-or-string.ts';
import type { DaemonSet, Node, Pod } from '../../../kubernetes/types.ts';
import { affinityMismatch, toleratesTaint } from '../../pod-scheduler/node-filters.ts';
import { podOfTemplate } from '../owned-pods.ts';
import { isPodAvailable, isPodReady } from '../pod-readiness.ts';

export type ReadableDaemonSet = DeepReadonly<DaemonSet>;
type ReadablePod = DeepReadonly<Pod>;
type ReadableNode = DeepReadonly<Node>;
type Toleration = NonNullable<NonNullable<Pod['spec']>['tolerations']>[number];
type NodeSelector = NonNullable<
  NonNullable<
    NonNullable<NonNullable<Pod['spec']>['affinity']>['nodeAffinity']
  >['requiredDuringSchedulingIgnoredDuringExecution']
>;

export const daemonHashLabel = 'controller-revision-hash';
const generationLabel = 'pod-template-generation';
const generationAnnotation = 'deprecated.daemonset.template.generation';

/** The pod for a node: it tolerates what befalls nodes, and asks for this one alone. */
export function daemonPod(set: ReadableDaemonSet, node: string, hash: string): Pod {
  const pod = podOfTemplate(set, set.spec?.template);
  pod.metadata.generateName = `${set.metadata.name}-`;
  pod.metadata.labels = {
    ...pod.metadata.labels,
    [daemonHashLabel]: hash,
    [generationLabel]: set.metadata.annotations?.[generationAnnotation] ?? '1',
  };
  const spec = pod.spec as NonNullable<Pod['spec']>;
  spec.tolerations = [...(spec.tolerations ?? []), ...missingTolerations(spec)];
  const here = [{ key: 'metadata.name', operator: 'In' as const, values: [node] }];
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const terms: NodeSelector['nodeSelectorTerms'] =
    required === undefined
      ? [{ matchFields: here }]
      : required.nodeSelectorTerms.map((term) => ({ ...term, matchFields: here }));
  spec.affinity = {
    ...spec.affinity,
    nodeAffinity: {
      ...spec.affinity?.nodeAffinity,
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms },
    },
  };
  return pod;
}

function missingTolerations(spec: NonNullable<Pod['spec']>): Toleration[] {
  const own: Toleration[] = [
    ['not-ready', 'NoExecute'],
    ['unreachable', 'NoExecute'],
    ['disk-pressure', 'NoSchedule'],
    ['memory-pressure', 'NoSchedule'],
    ['pid-pressure', 'NoSchedule'],
    ['unschedulable', 'NoSchedule'],
    ...(spec.hostNetwork === true ? [['network-unavailable', 'NoSchedule']] : []),
  ].map(([key, effect]) => ({ key: `node.kubernetes.io/${key}`, operator: 'Exists', effect }) as Toleration);
  return own.filter(
    (toleration) =>
      !(spec.tolerations ?? []).some(({ key, effect, operator }) =>
        [key === toleration.key, effect === toleration.effect, operator === 'Exists'].every(Boolean),
      ),
  );
}

/** Whether a pod should be made on the node, and whether one that is there may stay. */
export interface NodeVerdict {
  run: boolean;
  stay: boolean;
}

const nowhere: NodeVerdict = { run: false, stay: false };

/** The verdicts of one template; each node is looked at once for as long as it stays as it is. */
export function createNodeVerdicts(set: ReadableDaemonSet): (node: ReadableNode) => NodeVerdict {
  const pod = podOfTemplate(set, set.spec?.template);
  const tolerations = [...(pod.spec?.tolerations ?? []), ...missingTolerations(pod.spec as NonNullable<Pod['spec']>)];
  const known = new WeakMap<object, NodeVerdict>();
  const judge = (node: ReadableNode): NodeVerdict => {
    if (affinityMismatch(pod, node) !== undefined) return nowhere;
    const refused = (effects: readonly string[]) =>
      (node.spec?.taints ?? []).some(
        (taint) =>
          effects.includes(taint.effect) && !tolerations.some((toleration) => toleratesTaint(toleration, taint)),
      );
    return { run: !refused(['NoSchedule', 'NoExecute']), stay: !refused(['NoExecute']) };
  };
  return (node) => {
    let verdict = known.get(node);
    if (verdict === undefined) {
      verdict = judge(node);
      known.set(node, verdict);
    }
    return verdict;
  };
}

/** The node that a pod runs on or is meant for. */
export function targetNode(pod: ReadablePod): string | undefined {
  if (pod.spec?.nodeName) return pod.spec.nodeName;
  const terms = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return terms?.[0]?.matchFields?.find(({ key }) => key === 'metadata.name')?.values?.[0];
}

export interface DaemonPlan {
  /** Names of nodes that get a pod. */
  create: string[];
  remove: ReadablePod[];
}

const isLeaving = (pod: ReadablePod): boolean => pod.metadata.deletionTimestamp !== undefined;
const isFailed = (pod: ReadablePod): boolean => pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded';
const byAge = (a: ReadablePod, b: ReadablePod): number =>
  Number(!a.spec?.nodeName) - Number(!b.spec?.nodeName) ||
  String(a.metadata.creationTimestamp).localeCompare(String(b.metadata.creationTimestamp)) ||
  String(a.metadata.name).localeCompare(String(b.metadata.name));

function groupBy<K>(pods: readonly ReadablePod[], keyOf: (pod: ReadablePod) => K): Map<K, ReadablePod[]> {
  const groups = new Map<K, ReadablePod[]>();
  for (const pod of pods) {
    const group = groups.get(keyOf(pod));
    if (group === undefined) groups.set(keyOf(pod), [pod]);
    else group.push(pod);
  }
  return groups;
}

/** One pod on each node that should have one; then, when all stand, as much of an update as the strategy allows. */
export function planDaemons(
  set: ReadableDaemonSet,
  nodes: readonly ReadableNode[],
  verdictOf: (node: ReadableNode) => NodeVerdict,
  pods: readonly ReadablePod[],
  hash: string,
  now: number,
): DaemonPlan {
  const plan: DaemonPlan = { create: [], remove: [] };
  const onNode = groupBy(pods, (pod) => targetNode(pod) ?? '');
  const known = new Set(nodes.map((node) => node.metadata.name ?? ''));
  const isOld = (pod: ReadablePod) => pod.metadata.labels?.[daemonHashLabel] !== hash;
  const available = (pod: ReadablePod) => !isLeaving(pod) && isPodAvailable(pod, set.spec?.minReadySeconds ?? 0, now);
  const running: string[] = [];
  for (const [node, found] of onNode)
    if (!known.has(node)) plan.remove.push(...found.filter((pod) => !isLeaving(pod) && !pod.spec?.nodeName));
  for (const node of nodes) {
    const name = node.metadata.name ?? '';
    const found = onNode.get(name) ?? [];
    const verdict = verdictOf(node);
    if (verdict.run) running.push(name);
    if (verdict.run && found.length === 0) plan.create.push(name);
    const staying = found.filter((pod) => !isLeaving(pod));
    if (!verdict.stay) plan.remove.push(...staying);
    else {
      plan.remove.push(...staying.filter(isFailed));
      for (const group of groupBy(
        staying.filter((pod) => !isFailed(pod)),
        isOld,
      ).values())
        plan.remove.push(...[...group].sort(byAge).slice(1));
    }
  }
  if (plan.create.length + plan.remove.length > 0 || set.spec?.updateStrategy?.type === 'OnDelete') return plan;
  const rolling = set.spec?.updateStrategy?.rollingUpdate;
  const surge = scaledValue(rolling?.maxSurge ?? 0, running.length, true);
  const limit = surge > 0 ? 0 : Math.max(1, scaledValue(rolling?.maxUnavailable ?? 1, running.length, true));
  let unavailable = 0;
  let surging = 0;
  const replaceable: ReadablePod[] = [];
  const growable: string[] = [];
  for (const name of running) {
    const found = onNode.get(name) ?? [];
    const old = found.find((pod) => isOld(pod) && !isLeaving(pod));
    const fresh = found.find((pod) => !isOld(pod) && !isLeaving(pod));
    if (!found.some(available)) unavailable++;
    if (surge === 0) {
      if (old === undefined) continue;
      if (available(old)) replaceable.push(old);
      else plan.remove.push(old);
    } else if (old !== undefined && fresh !== undefined) {
      if (available(fresh) || !available(old)) plan.remove.push(old);
      else surging++;
    } else if (old !== undefined) growable.push(name);
  }
  plan.remove.push(...replaceable.slice(0, Math.max(0, limit - unavailable)));
  plan.create.push(...growable.slice(0, Math.max(0, surge - surging)));
  return plan;
}

export type DaemonSetStatus = NonNullable<DaemonSet['status']>;

export function daemonSetStatus(
  set: ReadableDaemonSet,
  nodes: readonly ReadableNode[],
  verdictOf: (node: ReadableNode) => NodeVerdict,
  pods: readonly ReadablePod[],
  hash: string,
  collisionCount: number,
  now: number,
): DaemonSetStatus {
  const onNode = groupBy(pods, (pod) => targetNode(pod) ?? '');
  const counts = { desired: 0, current: 0, misscheduled: 0, ready: 0, updated: 0, available: 0 };
  for (const node of nodes) {
    const found = onNode.get(node.metadata.name ?? '') ?? [];
    if (!verdictOf(node).run) {
      if (found.length > 0) counts.misscheduled++;
      continue;
    }
    counts.desired++;
    // While an update has two pods on a node the older one counts: a surge is not over before that has gone.
    const [oldest] = [...found].sort(byAge);
    if (oldest === undefined) continue;
    counts.current++;
    if (isPodReady(oldest)) counts.ready++;
    if (isPodAvailable(oldest, set.spec?.minReadySeconds ?? 0, now)) counts.available++;
    if (oldest.metadata.labels?.[daemonHashLabel] === hash) counts.updated++;
  }
  return {
    currentNumberScheduled: counts.current,
    desiredNumberScheduled: counts.desired,
    numberMisscheduled: counts.misscheduled,
    numberReady: counts.ready,
    ...(set.metadata.generation === undefined ? {} : { observedGeneration: set.metadata.generation }),
    ...(counts.updated > 0 ? { updatedNumberScheduled: counts.updated } : {}),
    ...(counts.available > 0 ? { numberAvailable: counts.available } : {}),
    ...(counts.desired > counts.available ? { numberUnavailable: counts.desired - counts.available } : {}),
    ...(collisionCount > 0 ? { collisionCount } : {}),
  };
}
