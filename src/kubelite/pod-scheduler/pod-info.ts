/** What the scheduler needs to know of a pod, read from it once. */
import { type LabelSelector, matchesLabels } from '../../apimachinery/label-selector.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { controllerOf } from '../../apimachinery/owner-references.ts';
import type { Pod } from '../../kubernetes/types.ts';
import { type Amounts, podRequests } from './pod-requests.ts';

export type ReadablePod = DeepReadonly<Pod>;
type Labels = Readonly<Record<string, string>>;

/** Labels of a namespace; empty when it is not known. */
export type NamespaceLabels = (namespace: string) => Labels;

export interface AffinityTerm {
  readonly topologyKey: string;
  /** Terms with equal keys match the same pods. */
  readonly key: string;
  matches(pod: PodInfo, namespaceLabels: NamespaceLabels): boolean;
}

export interface WeightedTerm {
  readonly term: AffinityTerm;
  /** Negative for anti-affinity. */
  readonly weight: number;
}

export interface PodInfo {
  /** The latest that says the same to the scheduler: older ones need not be kept for it. */
  pod: ReadablePod;
  readonly uid: string;
  readonly namespace: string;
  readonly labels: Labels;
  readonly priority: number;
  readonly terminating: boolean;
  readonly requests: Amounts;
  /** cpu (thousandths) and memory (bytes) for scoring: small defaults where nothing is requested. */
  readonly weight: { readonly cpu: number; readonly memory: number };
  readonly ports: readonly HostPort[];
  readonly affinity: readonly AffinityTerm[];
  readonly antiAffinity: readonly AffinityTerm[];
  readonly preferred: readonly WeightedTerm[];
  readonly controller: string | undefined;
  /** Names of PersistentVolumeClaims in the pod's namespace. */
  readonly claims: readonly string[];
}

export interface HostPort {
  readonly protocol: string;
  readonly ip: string;
  readonly port: number;
}

export function podInfo(pod: ReadablePod): PodInfo {
  const requests = podRequests(pod);
  const podAffinity = pod.spec?.affinity?.podAffinity;
  const podAntiAffinity = pod.spec?.affinity?.podAntiAffinity;
  const terms = (list: readonly DeepReadonly<Term>[] | undefined) =>
    (list ?? []).map((term) => affinityTerm(pod, term));
  const weighted = (
    list: readonly { weight: number; podAffinityTerm: DeepReadonly<Term> }[] | undefined,
    sign: 1 | -1,
  ) => (list ?? []).map((entry) => ({ term: affinityTerm(pod, entry.podAffinityTerm), weight: sign * entry.weight }));
  return {
    pod,
    uid: pod.metadata.uid ?? '',
    namespace: pod.metadata.namespace ?? '',
    labels: pod.metadata.labels ?? {},
    priority: pod.spec?.priority ?? 0,
    terminating: pod.metadata.deletionTimestamp !== undefined,
    requests,
    weight: {
      cpu: requests.get('cpu') || defaultCpu * (pod.spec?.containers.length ?? 1),
      memory: requests.get('memory') || defaultMemory * (pod.spec?.containers.length ?? 1),
    },
    ports: hostPorts(pod),
    affinity: terms(podAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    antiAffinity: terms(podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    preferred: [
      ...weighted(podAffinity?.preferredDuringSchedulingIgnoredDuringExecution, 1),
      ...weighted(podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution, -1),
    ],
    controller: controllerOf(pod)?.uid,
    claims: claimsOf(pod),
  };
}

/** What a container without requests counts as when nodes are compared. */
const defaultCpu = 100;
const defaultMemory = 200 * 1024 * 1024;

interface Term {
  topologyKey: string;
  labelSelector?: LabelSelector;
  namespaces?: string[];
  namespaceSelector?: LabelSelector;
  matchLabelKeys?: string[];
  mismatchLabelKeys?: string[];
}

function affinityTerm(pod: ReadablePod, term: DeepReadonly<Term>): AffinityTerm {
  const { labelSelector, namespaceSelector, topologyKey } = term;
  const selector = withLabelKeys(labelSelector, pod.metadata.labels ?? {}, term.matchLabelKeys, term.mismatchLabelKeys);
  const own = (term.namespaces ?? []).length === 0 && namespaceSelector === undefined;
  const namespaces = new Set(own ? [pod.metadata.namespace ?? ''] : term.namespaces);
  return {
    topologyKey,
    key: JSON.stringify([topologyKey, selector ?? null, [...namespaces].sort(), namespaceSelector ?? null]),
    matches(other, namespaceLabels) {
      // Without a selector a term matches nothing.
      if (selector === undefined || !matchesLabels(selector, other.labels)) return false;
      if (namespaces.has(other.namespace)) return true;
      return namespaceSelector !== undefined && matchesLabels(namespaceSelector, namespaceLabels(other.namespace));
    },
  };
}

/** The selector, narrowed to pods whose labels of these keys are (or are not) as the pod's own. */
export function withLabelKeys(
  selector: DeepReadonly<LabelSelector> | undefined,
  labels: Labels,
  match: readonly string[] = [],
  mismatch: readonly string[] = [],
): DeepReadonly<LabelSelector> | undefined {
  if (selector === undefined || match.length + mismatch.length === 0) return selector;
  const requirement = (operator: string) => (key: string) =>
    labels[key] === undefined ? [] : [{ key, operator, values: [labels[key]] }];
  const added = [...match.flatMap(requirement('In')), ...mismatch.flatMap(requirement('NotIn'))];
  return { ...selector, matchExpressions: [...(selector.matchExpressions ?? []), ...added] };
}

function hostPorts(pod: ReadablePod): readonly HostPort[] {
  const containers = [
    ...(pod.spec?.containers ?? []),
    ...(pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always'),
  ];
  return containers.flatMap(({ ports }) =>
    (ports ?? [])
      .filter(({ hostPort }) => (hostPort ?? 0) > 0)
      .map(({ protocol, hostIP, hostPort }) => ({
        protocol: protocol ?? 'TCP',
        ip: hostIP || '0.0.0.0',
        port: hostPort ?? 0,
      })),
  );
}

/** The same port of the same protocol, on addresses that overlap. */
export function portsClash(a: HostPort, b: HostPort): boolean {
  if (a.port !== b.port || a.protocol !== b.protocol) return false;
  return a.ip === b.ip || a.ip === '0.0.0.0' || b.ip === '0.0.0.0';
}

function claimsOf(pod: ReadablePod): readonly string[] {
  return (pod.spec?.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim !== undefined) return [persistentVolumeClaim.claimName];
    return ephemeral === undefined ? [] : [`${pod.metadata.name}-${name}`];
  });
}
