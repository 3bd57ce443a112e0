/**
 * Who owns whom, over all deletable resources: one node an object, by uid. Applying a change to the graph says which nodes
 * must be looked at; its cost is the change's own references and dependents.
 *
 *   UNSEEN     only named in an owner reference; no watch has shown it. To be verified with the server.
 *     │ observed                      │ the server does not know it
 *     ▼                               ▼
 *   LIVE ──deletionTimestamp──▶ DELETING ──last finalizer gone──▶ GONE: its dependents are looked at
 *                                 │ finalizer foregroundDeletion: waits for dependents that block it
 *                                 │ finalizer orphan: its references are taken from its dependents
 *
 * What is known to be gone stays in `absent` for a while, so that each dependent need not ask the server again. It is kept by
 * kind, namespace and name besides the uid: a reference that names a uid wrongly says nothing about the object itself.
 */
import { apiVersionOf, type ResourceType } from '../../apimachinery/group-version.ts';
import type { DeepReadonly, KubeObject, OwnerReference } from '../../apimachinery/object.ts';

export const foregroundFinalizer = 'foregroundDeletion';
export const orphanFinalizer = 'orphan';

export interface Node {
  readonly uid: string;
  /** Undefined while UNSEEN. */
  type: ResourceType | undefined;
  namespace: string;
  name: string;
  seen: boolean;
  resourceVersion: string;
  owners: readonly DeepReadonly<OwnerReference>[];
  finalizers: readonly string[];
  deleting: boolean;
  readonly dependents: Set<Node>;
}

export interface Graph {
  get(uid: string): Node | undefined;
  readonly size: number;
  /** An object as a watch or a read showed it. Returns uids to look at. */
  observe(type: ResourceType, object: DeepReadonly<KubeObject>): string[];
  /** The object is gone for certain. Returns uids to look at. */
  remove(uid: string): string[];
  /** Nothing shows the object any more, whether it is there or not: UNSEEN again. Returns uids to look at. */
  forget(uid: string): string[];
  isAbsent(reference: DeepReadonly<OwnerReference>, namespace: string): boolean;
  markAbsent(reference: DeepReadonly<OwnerReference>, namespace: string): void;
}

/** Absent objects remembered; the oldest are forgotten first. */
const absentLimit = 5000;

export function createGraph(): Graph {
  const nodes = new Map<string, Node>();
  const absent = new Set<string>();

  const rememberAbsent = (identity: string): void => {
    absent.delete(identity);
    absent.add(identity);
    if (absent.size > absentLimit) for (const oldest of absent) return void absent.delete(oldest);
  };

  const isAbsent = (reference: DeepReadonly<OwnerReference>, namespace: string): boolean =>
    absent.has(identityOf(reference, namespace)) || absent.has(identityOf(reference, ''));

  /** Takes a node out, leaving an UNSEEN one behind where dependents still name it. */
  const takeOut = (node: Node, look: Set<string>): void => {
    nodes.delete(node.uid);
    for (const owner of node.owners) detach(node, owner.uid, look);
    if (node.dependents.size === 0) return;
    const ghost = emptyNode(node.uid);
    for (const dependent of node.dependents) ghost.dependents.add(dependent);
    nodes.set(node.uid, ghost);
  };

  const attach = (node: Node, reference: DeepReadonly<OwnerReference>, look: Set<string>): void => {
    let owner = nodes.get(reference.uid);
    if (owner === undefined) {
      owner = emptyNode(reference.uid);
      nodes.set(owner.uid, owner);
    }
    owner.dependents.add(node);
    if (isAbsent(reference, node.namespace) || (owner.seen && !isOwnerOf(owner, reference, node))) look.add(node.uid);
    else if (!owner.seen) look.add(owner.uid);
    else if (owner.deleting) {
      look.add(owner.uid);
      look.add(node.uid);
    }
  };

  const detach = (node: Node, uid: string, look: Set<string>): void => {
    const owner = nodes.get(uid);
    if (owner === undefined) return;
    owner.dependents.delete(node);
    if (owner.deleting) look.add(uid);
    if (!owner.seen && owner.dependents.size === 0) nodes.delete(uid);
  };

  return {
    get: (uid) => nodes.get(uid),
    get size() {
      return nodes.size;
    },
    isAbsent,
    markAbsent: (reference, namespace) => rememberAbsent(identityOf(reference, namespace)),

    observe(type, object) {
      const { metadata } = object;
      const uid = metadata.uid ?? '';
      const look = new Set<string>();
      let node = nodes.get(uid);
      const before = node
        ? { owners: node.owners, deleting: node.deleting, seen: node.seen, key: waitKey(node) }
        : undefined;
      if (node === undefined) {
        node = emptyNode(uid);
        nodes.set(uid, node);
      }
      node.type = type;
      node.namespace = metadata.namespace ?? '';
      node.name = metadata.name ?? '';
      node.seen = true;
      node.resourceVersion = metadata.resourceVersion ?? '';
      node.finalizers = metadata.finalizers ?? [];
      node.deleting = metadata.deletionTimestamp != null;
      node.owners = metadata.ownerReferences ?? [];

      const oldOwners = before?.owners ?? [];
      if (oldOwners !== node.owners) {
        const now = new Set(node.owners.map((owner) => owner.uid));
        const old = new Map(oldOwners.map((owner) => [owner.uid, owner]));
        for (const owner of old.keys()) if (!now.has(owner)) detach(node, owner, look);
        for (const owner of node.owners) {
          const known = old.get(owner.uid);
          if (known === undefined) attach(node, owner, look);
          // It may have stopped blocking its owner's deletion.
          else if (known.blockOwnerDeletion !== owner.blockOwnerDeletion) look.add(owner.uid);
        }
      }
      if (node.deleting && waitKey(node) !== '' && (!before?.deleting || before.key !== waitKey(node))) {
        look.add(uid);
        for (const dependent of node.dependents) look.add(dependent.uid);
      }
      // An owner that begins to wait for its dependents no longer blocks the deletion of its own owner by being there alone.
      if (node.deleting && !before?.deleting)
        for (const owner of node.owners) if (nodes.get(owner.uid)?.deleting) look.add(owner.uid);
      // References were made before the object was seen: now it is known whether they fit.
      if (before && !before.seen)
        for (const dependent of node.dependents) {
          const reference = dependent.owners.find((owner) => owner.uid === uid);
          if (reference && !isOwnerOf(node, reference, dependent)) look.add(dependent.uid);
        }
      return [...look];
    },

    remove(uid) {
      const node = nodes.get(uid);
      if (!node?.seen || node.type === undefined) return [];
      const { type, namespace, name } = node;
      rememberAbsent(identityOf({ apiVersion: apiVersionOf(type), kind: type.kind, name, uid }, namespace));
      const look = new Set([...node.dependents].map((dependent) => dependent.uid));
      takeOut(node, look);
      return [...look];
    },

    forget(uid) {
      const node = nodes.get(uid);
      if (!node?.seen) return [];
      const look = new Set([uid]);
      takeOut(node, look);
      return [...look];
    },
  };
}

/** Whether the owner a reference names is this object: kind, name, and a namespace the dependent may refer to. */
export function isOwnerOf(owner: Node, reference: DeepReadonly<OwnerReference>, dependent: Node): boolean {
  if (owner.name !== reference.name || owner.type?.kind !== reference.kind) return false;
  if (groupOf(reference.apiVersion) !== owner.type.group) return false;
  return !owner.type.namespaced || owner.namespace === dependent.namespace;
}

const groupOf = (apiVersion: string): string =>
  apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';

/** Which of the two finalizers that concern its dependents a node has. */
function waitKey(node: Node): string {
  if (node.finalizers.includes(orphanFinalizer)) return orphanFinalizer;
  return node.finalizers.includes(foregroundFinalizer) ? foregroundFinalizer : '';
}

const identityOf = (reference: DeepReadonly<OwnerReference>, namespace: string): string =>
  `${groupOf(reference.apiVersion)}/${reference.kind}/${namespace}/${reference.name}/${reference.uid}`;

const emptyNode = (uid: string): Node => ({
  uid,
  type: undefined,
  namespace: '',
  name: '',
  seen: false,
  resourceVersion: '',
  owners: [],
  finalizers: [],
  deleting: false,
  dependents: new Set(),
});
