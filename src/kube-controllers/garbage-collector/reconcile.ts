/** What to do with one node of the graph. Each step writes with the resourceVersion it decided on. */
import { parseApiVersion, type ResourceType } from '../../apimachinery/group-version.ts';
import type { DeepReadonly, OwnerReference } from '../../apimachinery/object.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import type { Client, DeleteOptions } from '../../client/client.ts';
import { mapLimited } from '../limited.ts';
import { foregroundFinalizer, type Graph, isOwnerOf, type Node, orphanFinalizer } from './graph.ts';

export interface ReconcileContext {
  client: Client;
  graph: Graph;
  typeOf(gvk: { group: string; version: string; kind: string }): Promise<ResourceType>;
  look(uids: readonly string[]): void;
  /** A reference to a namespaced owner in another namespace, which counts as absent. */
  reportInvalidNamespace(dependent: Node, reference: DeepReadonly<OwnerReference>): void;
}

/** How long a node that was only named may take to appear in a watch before the server is asked again. */
const unseenAgainMs = 10_000;

export async function reconcileNode(context: ReconcileContext, uid: string, signal: AbortSignal) {
  const node = context.graph.get(uid);
  if (node === undefined) return undefined;
  if (!node.seen) return verifyUnseen(context, node, signal);
  if (node.deleting) {
    if (node.finalizers.includes(orphanFinalizer)) await orphanDependents(context, node, signal);
    else if (node.finalizers.includes(foregroundFinalizer)) await finishForeground(context, node, signal);
    return undefined;
  }
  if (node.owners.length > 0) await followOwners(context, node, signal);
  return undefined;
}

/** UNSEEN: ask the server, for each way in which the dependents name it, whether it is there. */
async function verifyUnseen(context: ReconcileContext, node: Node, signal: AbortSignal) {
  const { graph, look } = context;
  const asked = new Map<string, boolean>();
  let present = false;
  for (const dependent of [...node.dependents]) {
    const reference = dependent.owners.find((owner) => owner.uid === node.uid);
    if (reference === undefined) continue;
    const question = `${reference.apiVersion}/${reference.kind}/${dependent.namespace}/${reference.name}`;
    let exists = asked.get(question);
    if (exists === undefined) {
      exists =
        !graph.isAbsent(reference, dependent.namespace) &&
        (await existsOnServer(context, reference, dependent.namespace, signal));
      asked.set(question, exists);
      if (!exists) graph.markAbsent(reference, dependent.namespace);
    }
    if (exists) present = true;
    else look([dependent.uid]);
  }
  return present && graph.get(node.uid)?.seen === false ? { requeueAfter: unseenAgainMs } : undefined;
}

/** Whether the object a reference names is there. Asks the server. Throws when the kind is not known. */
async function existsOnServer(
  { client, typeOf }: ReconcileContext,
  reference: DeepReadonly<OwnerReference>,
  namespace: string,
  signal: AbortSignal,
): Promise<boolean> {
  const type = await typeOf({ ...parseApiVersion(reference.apiVersion), kind: reference.kind });
  // A cluster-scoped object cannot have an owner in a namespace; asked for without one, it would be an error.
  if (type.namespaced && namespace === '') return false;
  try {
    const object = await client
      .resource(type)
      .get({ namespace: type.namespaced ? namespace : '', name: reference.name }, { signal });
    return object.metadata.uid === reference.uid;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

type OwnerState = 'solid' | 'dangling' | 'waiting';

/** The owners of a live object: it goes when none is left, and loses references to those that are gone. */
async function followOwners(context: ReconcileContext, node: Node, signal: AbortSignal): Promise<void> {
  const states = new Map<string, OwnerState>();
  for (const reference of node.owners) states.set(reference.uid, await ownerState(context, node, reference, signal));
  const counted = [...states.values()];
  const solid = counted.includes('solid');
  const waiting = counted.includes('waiting');
  if (solid) {
    const kept = node.owners.filter((reference) => states.get(reference.uid) === 'solid');
    if (kept.length < node.owners.length) await patchMetadata(context, node, { ownerReferences: kept }, signal);
    return;
  }
  if (waiting && node.dependents.size > 0) {
    // Owners that wait for each other would wait for ever: then this one stops blocking.
    if (
      [...node.dependents].some((dependent) => dependent.deleting && dependent.finalizers.includes(foregroundFinalizer))
    ) {
      const unblocked = node.owners.map((reference) => ({ ...reference, blockOwnerDeletion: false }));
      return patchMetadata(context, node, { ownerReferences: unblocked }, signal);
    }
    return deleteNode(context, node, 'Foreground', signal);
  }
  let policy: DeleteOptions['propagationPolicy'] = 'Background';
  if (node.finalizers.includes(orphanFinalizer)) policy = 'Orphan';
  else if (node.finalizers.includes(foregroundFinalizer)) policy = 'Foreground';
  await deleteNode(context, node, policy, signal);
}

async function ownerState(
  context: ReconcileContext,
  node: Node,
  reference: DeepReadonly<OwnerReference>,
  signal: AbortSignal,
): Promise<OwnerState> {
  const owner = context.graph.get(reference.uid);
  if (owner?.seen && isOwnerOf(owner, reference, node))
    return owner.deleting && owner.finalizers.includes(foregroundFinalizer) ? 'waiting' : 'solid';
  if (owner?.seen && owner.type?.namespaced && owner.namespace !== node.namespace) {
    context.reportInvalidNamespace(node, reference);
    // A cluster-scoped object is left alone: no namespace could be looked in.
    if (node.namespace === '') return 'solid';
  }
  if (context.graph.isAbsent(reference, node.namespace)) return 'dangling';
  if (node.namespace === '') {
    const type = await context.typeOf({ ...parseApiVersion(reference.apiVersion), kind: reference.kind });
    if (type.namespaced) return 'solid';
  }
  if (await existsOnServer(context, reference, node.namespace, signal)) return 'solid';
  context.graph.markAbsent(reference, node.namespace);
  return 'dangling';
}

/** Foreground: dependents that block are deleted first; then the finalizer goes. */
async function finishForeground(context: ReconcileContext, node: Node, signal: AbortSignal): Promise<void> {
  const blocking = [...node.dependents].filter((dependent) =>
    dependent.owners.some((reference) => reference.uid === node.uid && reference.blockOwnerDeletion === true),
  );
  if (blocking.length === 0) {
    const finalizers = node.finalizers.filter((name) => name !== foregroundFinalizer);
    return patchMetadata(context, node, { finalizers }, signal);
  }
  context.look(blocking.filter((dependent) => !dependent.deleting).map((dependent) => dependent.uid));
}

/** Orphan: no dependent refers to it any more; then the finalizer goes. */
async function orphanDependents(context: ReconcileContext, node: Node, signal: AbortSignal): Promise<void> {
  await mapLimited([...node.dependents], 8, async (dependent) => {
    const ownerReferences = dependent.owners.filter((reference) => reference.uid !== node.uid);
    if (ownerReferences.length < dependent.owners.length)
      await patchMetadata(context, dependent, { ownerReferences }, signal);
  });
  const finalizers = node.finalizers.filter((name) => name !== orphanFinalizer);
  await patchMetadata(context, node, { finalizers }, signal);
}

async function patchMetadata(
  { client, graph, look }: ReconcileContext,
  node: Node,
  change: { ownerReferences: readonly unknown[] } | { finalizers: readonly string[] },
  signal: AbortSignal,
): Promise<void> {
  const type = node.type as ResourceType;
  const body = { metadata: { uid: node.uid, resourceVersion: node.resourceVersion, ...change } };
  try {
    const written = await client.resource(type).patch(refOf(node), 'merge', body, { signal });
    // An update that removes the last finalizer answers with the object as it was last; the watch tells that it is gone.
    const isLast = written.metadata.deletionTimestamp != null && (written.metadata.finalizers ?? []).length === 0;
    if (!isLast && graph.get(node.uid) === node && node.seen) look(graph.observe(type, written));
  } catch (error) {
    if (!isNotFound(error)) throw error;
    look(graph.remove(node.uid));
  }
}

async function deleteNode(
  { client, graph, look }: ReconcileContext,
  node: Node,
  propagationPolicy: DeleteOptions['propagationPolicy'],
  signal: AbortSignal,
): Promise<void> {
  const preconditions = { uid: node.uid, resourceVersion: node.resourceVersion };
  try {
    await client.resource(node.type as ResourceType).delete(refOf(node), { propagationPolicy, preconditions, signal });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    look(graph.remove(node.uid));
  }
}

const refOf = (node: Node) => ({ namespace: node.namespace, name: node.name });
