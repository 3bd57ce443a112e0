/** The annotations by which `kubectl rollout` and the controller itself know revisions and sizes. */
import type { DeepReadonly, KubeObject } from '../../../apimachinery/object.ts';

export const revisionAnnotation = 'deployment.kubernetes.io/revision';
export const revisionHistoryAnnotation = 'deployment.kubernetes.io/revision-history';
export const desiredReplicasAnnotation = 'deployment.kubernetes.io/desired-replicas';
export const maxReplicasAnnotation = 'deployment.kubernetes.io/max-replicas';

const notCopied = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  'deprecated.deployment.rollback.to',
  revisionAnnotation,
  revisionHistoryAnnotation,
  desiredReplicasAnnotation,
  maxReplicasAnnotation,
]);
const maxHistoryLength = 2000;

type Readable = DeepReadonly<KubeObject>;
type Annotations = Record<string, string>;

const numberOf = (text: string | undefined): number | undefined => {
  if (text === undefined) return undefined;
  const value = Number.parseInt(text, 10);
  return Number.isNaN(value) ? undefined : value;
};

/** 0 when the annotation is absent or not a number. */
export const revisionOf = (object: Readable): number =>
  numberOf(object.metadata.annotations?.[revisionAnnotation]) ?? 0;
export const desiredReplicasOf = (object: Readable): number | undefined =>
  numberOf(object.metadata.annotations?.[desiredReplicasAnnotation]);
export const maxReplicasOf = (object: Readable): number | undefined =>
  numberOf(object.metadata.annotations?.[maxReplicasAnnotation]);

/** Annotations of a ReplicaSet with the Deployment's own copied over them. */
export function copiedAnnotations(from: Readable, onto: Readonly<Annotations> | undefined): Annotations {
  const result: Annotations = { ...onto };
  for (const [key, value] of Object.entries(from.metadata.annotations ?? {})) {
    if (!notCopied.has(key)) result[key] = value;
  }
  return result;
}

/** Raises the revision; a ReplicaSet that had one before is being rolled back to, and remembers it. */
export function withRevision(annotations: Readonly<Annotations>, revision: number): Annotations {
  const before = annotations[revisionAnnotation];
  if ((numberOf(before) ?? 0) >= revision) return { ...annotations };
  const result: Annotations = { ...annotations, [revisionAnnotation]: String(revision) };
  if (before !== undefined) {
    const history = (annotations[revisionHistoryAnnotation] ?? '').split(',').filter((entry) => entry !== '');
    history.push(before);
    while (history.length > 1 && history.join(',').length > maxHistoryLength) history.shift();
    result[revisionHistoryAnnotation] = history.join(',');
  }
  return result;
}

export function withSizes(annotations: Readonly<Annotations> | undefined, desired: number, max: number): Annotations {
  return { ...annotations, [desiredReplicasAnnotation]: String(desired), [maxReplicasAnnotation]: String(max) };
}
