/** The history of StatefulSets and DaemonSets: one ControllerRevision per template, numbered; `kubectl rollout` reads it. */
import { type DeepReadonly, deepEqual, type KubeObject } from '../../apimachinery/object.ts';
import { controllerReferenceTo, isControlledBy } from '../../apimachinery/owner-references.ts';
import { isAlreadyExists, isNotFound } from '../../apimachinery/status-error.ts';
import type { ResourceClient } from '../../client/client.ts';
import type { ControllerRevision } from '../../kubernetes/types.ts';
import { type PodTemplate, podTemplateHash } from './pod-template.ts';

export type ReadableRevision = DeepReadonly<ControllerRevision>;
type Owner = DeepReadonly<KubeObject> & {
  readonly spec?: { readonly template?: DeepReadonly<PodTemplate>; readonly revisionHistoryLimit?: number };
};

/** What a revision stores: a patch that puts the template back. */
interface RevisionData {
  spec: { template: PodTemplate & { $patch: 'replace' } };
}

export interface RevisionChoice {
  /** The revision of the present template. */
  update: ReadableRevision;
  /** All of them, oldest first, with `update` in. */
  all: readonly ReadableRevision[];
  /** Grew when a name was taken by another template. */
  collisionCount: number;
}

const byNumber = (a: ReadableRevision, b: ReadableRevision): number =>
  a.revision - b.revision || String(a.metadata.name).localeCompare(String(b.metadata.name));

/**
 * Finds the revision of the owner's template, gives it the highest number, or makes it. `hashLabel` carries the hash. Writes
 * only when the template changed.
 */
export async function syncRevisions(
  owner: Owner,
  known: readonly ReadableRevision[],
  client: ResourceClient<ControllerRevision>,
  hashLabel: string,
  collisions: number,
): Promise<RevisionChoice> {
  const template = owner.spec?.template as PodTemplate;
  const data: RevisionData = { spec: { template: { ...template, $patch: 'replace' } } };
  const all = [...known].sort(byNumber);
  const highest = all.at(-1)?.revision ?? 0;
  const equal = all.findLast((revision) => deepEqual(revision.data, data));
  if (equal !== undefined) {
    if (equal.revision === highest) return { update: equal, all, collisionCount: collisions };
    const update = await client.update({ ...equal, revision: highest + 1 } as ControllerRevision);
    return {
      update,
      all: [...all.filter((revision) => revision !== equal), update],
      collisionCount: collisions,
    };
  }
  for (let collisionCount = collisions; ; collisionCount++) {
    const hash = podTemplateHash(template, collisionCount === 0 ? undefined : collisionCount);
    const revision = {
      apiVersion: 'apps/v1',
      kind: 'ControllerRevision',
      metadata: {
        name: `${owner.metadata.name}-${hash}`,
        namespace: owner.metadata.namespace ?? '',
        labels: { ...template.metadata?.labels, [hashLabel]: hash },
        annotations: { ...owner.metadata.annotations },
        ownerReferences: [controllerReferenceTo(owner)],
      },
      data: data as unknown as NonNullable<ControllerRevision['data']>,
      revision: highest + 1,
    } as ControllerRevision;
    try {
      const update = await client.create(revision);
      return { update, all: [...all, update], collisionCount };
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      const taken = await client.get({ namespace: revision.metadata.namespace, name: revision.metadata.name ?? '' });
      if (isControlledBy(taken, owner) && deepEqual(taken.data, data))
        return { update: taken, all: [...all, taken], collisionCount };
    }
  }
}

/** Deletes revisions that no pod uses beyond revisionHistoryLimit, the oldest first. */
export async function trimRevisions(
  owner: Owner,
  all: readonly ReadableRevision[],
  inUse: (revision: ReadableRevision) => boolean,
  client: ResourceClient<ControllerRevision>,
): Promise<void> {
  const unused = all.filter((revision) => !inUse(revision));
  const excess = unused.length - (owner.spec?.revisionHistoryLimit ?? 10);
  for (const { metadata } of unused.slice(0, Math.max(0, excess))) {
    try {
      await client.delete({ namespace: metadata.namespace, name: metadata.name ?? '' });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

/** The template that a revision stores. */
export function templateOf(revision: ReadableRevision): DeepReadonly<PodTemplate> {
  const { $patch: _, ...template } = (revision.data as unknown as RevisionData).spec.template;
  return template as PodTemplate;
}
