/** Which dependents belong to an owner: its own that still match, plus matching orphans, which are adopted. */
import { matchesLabels } from '../../apimachinery/label-selector.ts';
import type { DeepReadonly, KubeObject } from '../../apimachinery/object.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import type { ResourceClient } from '../../client/client.ts';
import type { Informer } from '../../client/informer.ts';
import { adoptionPatch, controllerIndex, orphanIndex, releasePatch } from './controller-ref.ts';

type Owner = DeepReadonly<KubeObject> & {
  readonly spec?: { readonly selector?: Parameters<typeof matchesLabels>[0] };
};

/**
 * Dependents of `owner` after adopting matching orphans and releasing its own that no longer match. Writes only for those.
 * `accepts` tells, besides the selector, what can belong to the owner at all. Cost: own dependents plus orphans of the namespace. The informer must have the indexes of controller-ref.ts.
 */
export async function claimDependents<T extends KubeObject>(
  owner: Owner,
  informer: Informer<T>,
  client: ResourceClient<T>,
  accepts: (object: DeepReadonly<T>) => boolean = () => true,
): Promise<readonly DeepReadonly<T>[]> {
  const selector = owner.spec?.selector;
  if (selector === undefined) return [];
  const matches = (object: DeepReadonly<T>) => matchesLabels(selector, labelsOf(object)) && accepts(object);
  const namespace = owner.metadata.namespace ?? '';
  const claimed: DeepReadonly<T>[] = [];
  for (const object of informer.byIndex(controllerIndex, owner.metadata.uid ?? '')) {
    if (matches(object) || owner.metadata.deletionTimestamp !== undefined) claimed.push(object);
    else await patch(client, object, releasePatch(readable(object), owner));
  }
  if (owner.metadata.deletionTimestamp !== undefined) return claimed;
  for (const orphan of informer.byIndex(orphanIndex, namespace)) {
    if (readable(orphan).metadata.deletionTimestamp !== undefined || !matches(orphan)) continue;
    const adopted = await patch(client, orphan, adoptionPatch(readable(orphan), owner));
    if (adopted !== undefined) claimed.push(adopted as DeepReadonly<T>);
  }
  return claimed;
}

const readable = (object: unknown): DeepReadonly<KubeObject> => object as DeepReadonly<KubeObject>;
const labelsOf = (object: unknown): Readonly<Record<string, string>> => readable(object).metadata.labels ?? {};

async function patch<T extends KubeObject>(
  client: ResourceClient<T>,
  object: unknown,
  body: object,
): Promise<T | undefined> {
  const { namespace, name } = readable(object).metadata;
  try {
    return await client.patch({ namespace, name: name ?? '' }, 'merge', body);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
