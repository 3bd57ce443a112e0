/** Deletes everything in a namespace and counts what stays. */

import { groupResource } from '../../apimachinery/group-version.ts';
import { isNotFound, isStatus, StatusError } from '../../apimachinery/status-error.ts';
import type { Client } from '../../client/client.ts';
import type { ApiResource, Discovery } from '../../client/discovery.ts';
import { mapLimited } from '../limited.ts';
import type { DeletionState } from './conditions.ts';

/** Resources worked on at once: one server, no need to flood it. */
const parallel = 8;

/** Pods go first: what they write while they end must find its ConfigMaps and Secrets. */
export async function deleteContent(
  client: Client,
  discovery: Discovery,
  namespace: string,
  signal: AbortSignal,
): Promise<DeletionState> {
  const server = await discovery.serverResources(signal);
  const seen = new Set<string>();
  const resources: ApiResource[] = [];
  for (const version of server.groupVersions)
    for (const resource of version.resources) {
      const name = groupResource(resource);
      if (!resource.namespaced || !resource.verbs.includes('delete') || seen.has(name)) continue;
      seen.add(name);
      resources.push(resource);
    }
  const state = { undiscovered: server.failed, failures: [] as string[], remaining: new Map(), finalizers: new Map() };
  const visit = async (resource: ApiResource): Promise<void> => {
    try {
      await deleteAll(client, resource, namespace, state, signal);
    } catch (error) {
      signal.throwIfAborted();
      state.failures.push(error instanceof Error ? error.message : String(error));
    }
  };
  const pods = resources.find((resource) => resource.group === '' && resource.resource === 'pods');
  if (pods) {
    await visit(pods);
    if (state.remaining.size > 0 || state.failures.length > 0) return state;
  }
  await mapLimited(
    resources.filter((resource) => resource !== pods),
    parallel,
    visit,
  );
  return state;
}

async function deleteAll(
  client: Client,
  type: ApiResource,
  namespace: string,
  state: { remaining: Map<string, number>; finalizers: Map<string, number> },
  signal: AbortSignal,
): Promise<void> {
  const resource = client.resource(type);
  const canList = type.verbs.includes('list');
  const list = async () => (await resource.list({ namespace, metadataOnly: true, signal })).items;
  // Most resources have nothing here, and a list is cheaper than a delete.
  let items = canList ? await list() : [];
  if (canList && items.length === 0) return;
  if (type.verbs.includes('deletecollection')) {
    await ignoringGone(
      resource.deleteCollection({ namespace, signal, delete: { propagationPolicy: 'Background' } }),
      true,
    );
  } else {
    for (const { metadata } of items)
      if (!metadata.deletionTimestamp)
        await ignoringGone(
          resource.delete({ namespace, name: metadata.name ?? '' }, { propagationPolicy: 'Background', signal }),
        );
  }
  if (!canList) return;
  items = await list();
  if (items.length === 0) return;
  // As upstream writes it: with the dot also where the group is empty.
  state.remaining.set(`${type.resource}.${type.group}`, items.length);
  for (const { metadata } of items)
    for (const finalizer of metadata.finalizers ?? [])
      state.finalizers.set(finalizer, (state.finalizers.get(finalizer) ?? 0) + 1);
}

/** Gone already is what was wanted; a resource may also not support the verb it announces. */
async function ignoringGone(call: Promise<void>, collection = false): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (isNotFound(error)) return;
    if (collection && (isStatus(error, 'MethodNotAllowed') || (error instanceof StatusError && error.code === 405)))
      return;
    throw error;
  }
}
