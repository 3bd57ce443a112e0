/** What controllers of pods share: making and deleting pods with Events, and leading pod events to the pods' owners. */
import { matchesLabels } from '../../apimachinery/label-selector.ts';
import { type DeepReadonly, type KubeObject, objectKey } from '../../apimachinery/object.ts';
import { controllerOf, controllerReferenceTo } from '../../apimachinery/owner-references.ts';
import { asStatusError, isNotFound } from '../../apimachinery/status-error.ts';
import type { Informer } from '../../client/informer.ts';
import { pods } from '../../kubernetes/resource-types.ts';
import type { Pod } from '../../kubernetes/types.ts';
import type { ControllerContext } from './controller-context.ts';
import { controllerIndex, controllerUids, orphanIndex, orphanNamespaces } from './controller-ref.ts';
import type { PodTemplate } from './pod-template.ts';
import { createPodExpectations } from './replica-set/pod-expectations.ts';

type Owner = KubeObject & { spec?: { selector?: Parameters<typeof matchesLabels>[0] | undefined } | undefined };
type ReadableOwner = DeepReadonly<KubeObject>;
type ReadablePod = DeepReadonly<Pod>;

export interface OwnedPods {
  readonly cache: Informer<Pod>;
  /** False while the cache does not show all that was done for this owner. */
  settled(owner: ReadableOwner): boolean;
  /** Throws when the pod could not be made; a namespace that ends is no error. */
  create(owner: ReadableOwner, pod: Pod): Promise<void>;
  remove(owner: ReadableOwner, pod: ReadablePod): Promise<void>;
}

/** Must be called before the informers start. `kind` is the owner's; `enqueue` gets the owner's key. */
export function createOwnedPods<T extends Owner>(
  context: ControllerContext,
  kind: string,
  owners: Informer<T>,
  enqueue: (key: string) => void,
): OwnedPods {
  const cache = context.informers.informer<Pod>(pods);
  const client = context.client.resource<Pod>(pods);
  const expectations = createPodExpectations(context.clock);
  cache.addIndex(controllerIndex, controllerUids);
  cache.addIndex(orphanIndex, orphanNamespaces);
  cache.addIndex('uid', (pod) => [pod.metadata.uid ?? '']);
  const byUid = (uid: string) => cache.byIndex('uid', uid)[0];

  const ownerOf = (pod: ReadablePod): ReadableOwner | undefined => {
    const reference = controllerOf(pod);
    if (reference?.kind !== kind) return undefined;
    const owner = owners.get(`${pod.metadata.namespace}/${reference.name}`) as ReadableOwner | undefined;
    return owner?.metadata.uid === reference.uid ? owner : undefined;
  };
  const lead = (pod: ReadablePod): void => {
    const owner = ownerOf(pod);
    if (owner !== undefined) enqueue(objectKey(owner));
    if (controllerOf(pod) !== undefined) return;
    for (const candidate of owners.list(pod.metadata.namespace) as unknown as readonly DeepReadonly<Owner>[]) {
      const selector = candidate.spec?.selector;
      if (selector !== undefined && matchesLabels(selector, pod.metadata.labels ?? {})) enqueue(objectKey(candidate));
    }
  };
  cache.addHandler({
    added(pod) {
      const reference = controllerOf(pod);
      if (reference?.kind === kind) expectations.observed(reference.uid, pod.metadata.uid ?? '');
      lead(pod);
    },
    updated(pod, old) {
      const before = ownerOf(old);
      if (before !== undefined && before !== ownerOf(pod)) enqueue(objectKey(before));
      lead(pod);
    },
    deleted: lead,
  });
  owners.addHandler({
    added: (owner) => enqueue(objectKey(owner as ReadableOwner)),
    updated: (owner) => enqueue(objectKey(owner as ReadableOwner)),
    deleted(owner) {
      expectations.forget((owner as ReadableOwner).metadata.uid ?? '');
      enqueue(objectKey(owner as ReadableOwner));
    },
  });

  return {
    cache,
    settled: (owner) =>
      expectations.satisfied(
        owner.metadata.uid ?? '',
        (uid) => byUid(uid) !== undefined,
        (uid) => byUid(uid) === undefined || byUid(uid)?.metadata.deletionTimestamp !== undefined,
      ),
    async create(owner, pod) {
      try {
        const created = await client.create(pod);
        const uid = created.metadata.uid ?? '';
        if (byUid(uid) === undefined) expectations.created(owner.metadata.uid ?? '', uid);
        context.recordEvent(owner, 'Normal', 'SuccessfulCreate', createdText(owner, created));
      } catch (error) {
        const status = asStatusError(error);
        if (status.status.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating')) return;
        context.recordEvent(owner, 'Warning', 'FailedCreate', failedText(owner, pod, status.message));
        throw error;
      }
    },
    async remove(owner, pod) {
      const { namespace, name = '', uid = '' } = pod.metadata;
      try {
        await client.delete({ namespace, name }, { preconditions: { uid } });
        expectations.deleted(owner.metadata.uid ?? '', uid);
        context.recordEvent(owner, 'Normal', 'SuccessfulDelete', deletedText(owner, pod));
      } catch (error) {
        if (isNotFound(error)) return;
        context.recordEvent(owner, 'Warning', 'FailedDelete', `Error deleting: ${asStatusError(error).message}`);
        throw error;
      }
    },
  };
}

/** Waits for all of it, and returns what went wrong: what is there is to be told whatever could not be made. */
export async function failuresOf(work: readonly Promise<unknown>[]): Promise<unknown[]> {
  const results = await Promise.allSettled(work);
  return results.filter((result) => result.status === 'rejected').map(({ reason }) => reason);
}

/** A pod of a template, without a name: the caller gives `name` or `generateName`. */
export function podOfTemplate(owner: ReadableOwner, template: DeepReadonly<PodTemplate> | undefined): Pod {
  const metadata: Pod['metadata'] = {
    namespace: owner.metadata.namespace ?? '',
    labels: { ...template?.metadata?.labels },
    ownerReferences: [controllerReferenceTo(owner)],
  };
  if (template?.metadata?.annotations !== undefined) metadata.annotations = { ...template.metadata.annotations };
  if (template?.metadata?.finalizers !== undefined) metadata.finalizers = [...template.metadata.finalizers];
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec: { ...template?.spec } } as Pod;
}

// StatefulSets speak in their own words.
const createdText = (owner: ReadableOwner, pod: ReadablePod): string =>
  owner.kind === 'StatefulSet'
    ? `create Pod ${pod.metadata.name} in StatefulSet ${owner.metadata.name} successful`
    : `Created pod: ${pod.metadata.name}`;
const deletedText = (owner: ReadableOwner, pod: ReadablePod): string =>
  owner.kind === 'StatefulSet'
    ? `delete Pod ${pod.metadata.name} in StatefulSet ${owner.metadata.name} successful`
    : `Deleted pod: ${pod.metadata.name}`;
const failedText = (owner: ReadableOwner, pod: ReadablePod, message: string): string =>
  owner.kind === 'StatefulSet'
    ? `create Pod ${pod.metadata.name} in StatefulSet ${owner.metadata.name} failed error: ${message}`
    : `Error creating: ${message}`;
