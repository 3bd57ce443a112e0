/** The pods and claims of a StatefulSet: names, identity, and which revision a pod is made of. */
import type { DeepReadonly } from '../../../apimachinery/object.ts';
import type { PersistentVolumeClaim, Pod, StatefulSet } from '../../../kubernetes/types.ts';
import { type ReadableRevision, templateOf } from '../controller-revisions.ts';
import { podOfTemplate } from '../owned-pods.ts';

export type ReadableSet = DeepReadonly<StatefulSet>;
type ReadablePod = DeepReadonly<Pod>;

export const revisionLabel = 'controller-revision-hash';
const podNameLabel = 'statefulset.kubernetes.io/pod-name';
const podIndexLabel = 'apps.kubernetes.io/pod-index';

export const firstOrdinal = (set: ReadableSet): number => set.spec?.ordinals?.start ?? 0;
export const podName = (set: ReadableSet, ordinal: number): string => `${set.metadata.name}-${ordinal}`;
export const claimName = (template: string, pod: string): string => `${template}-${pod}`;

/** The number behind the set's name; undefined when the pod is not named as one of the set's. */
export function ordinalOf(set: ReadableSet, pod: ReadablePod): number | undefined {
  const match = /^(.*)-(\d+)$/.exec(pod.metadata.name ?? '');
  return match?.[1] === set.metadata.name ? Number(match?.[2]) : undefined;
}

/** Pods below the partition (or, without one, below the pods of the old revision) stay with the current revision. */
export function revisionFor(
  set: ReadableSet,
  ordinal: number,
  current: ReadableRevision,
  update: ReadableRevision,
): ReadableRevision {
  if (set.spec?.updateStrategy?.type === 'OnDelete') return update;
  const rolling = set.spec?.updateStrategy?.rollingUpdate;
  const kept = rolling === undefined ? (set.status?.currentReplicas ?? 0) : (rolling.partition ?? 0);
  return ordinal < firstOrdinal(set) + kept ? current : update;
}

export function buildPod(set: ReadableSet, ordinal: number, revision: ReadableRevision): Pod {
  const pod = podOfTemplate(set, templateOf(revision));
  const name = podName(set, ordinal);
  pod.metadata.name = name;
  pod.metadata.labels = {
    ...pod.metadata.labels,
    [podNameLabel]: name,
    [podIndexLabel]: String(ordinal),
    [revisionLabel]: revision.metadata.name ?? '',
  };
  const templates = set.spec?.volumeClaimTemplates ?? [];
  const own = new Set(templates.map((template) => template.metadata?.name));
  const spec = pod.spec as NonNullable<Pod['spec']>;
  spec.hostname = name;
  if (set.spec?.serviceName) spec.subdomain = set.spec.serviceName;
  const claims = templates.map((template) => ({
    name: template.metadata?.name ?? '',
    persistentVolumeClaim: { claimName: claimName(template.metadata?.name ?? '', name) },
  }));
  const others = (spec.volumes ?? []).filter((volume) => !own.has(volume.name));
  if (claims.length + others.length > 0) spec.volumes = [...claims, ...others];
  return pod;
}

export function buildClaims(set: ReadableSet, pod: string): PersistentVolumeClaim[] {
  return (set.spec?.volumeClaimTemplates ?? []).map((template) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: claimName(template.metadata?.name ?? '', pod),
      namespace: set.metadata.namespace ?? '',
      labels: { ...template.metadata?.labels, ...set.spec?.selector?.matchLabels },
      ...(template.metadata?.annotations === undefined ? {} : { annotations: { ...template.metadata.annotations } }),
    },
    spec: template.spec as NonNullable<PersistentVolumeClaim['spec']>,
  }));
}
