/** Writes objects of an installation, so that a second time changes nothing. */
import { gvkOf, type ResourceType } from '../apimachinery/group-version.ts';
import type { KubeObject, Unstructured } from '../apimachinery/object.ts';
import { isAlreadyExists, isNotFound } from '../apimachinery/status-error.ts';
import type { Client } from '../client/client.ts';

/** Looks first: creating a Service that exists fails for its clusterIP, which is taken by itself. */
export async function createIfAbsent(client: Client, object: KubeObject): Promise<void> {
  const resource = client.resource(typeOf(object));
  try {
    await resource.get(refOf(object));
    return;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  try {
    await resource.create(object as Unstructured);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}

/** Creates the object, or brings the parts that we set to what we set. Equal objects are not written. May fail with a conflict. */
export async function createOrUpdate(client: Client, object: KubeObject): Promise<void> {
  const resource = client.resource(typeOf(object));
  try {
    const current = await resource.get(refOf(object));
    // The status is not ours to set: the server keeps the stored one.
    const merged = { ...current, ...object, metadata: { ...current.metadata, ...object.metadata } };
    await resource.update(merged as Unstructured);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    await createIfAbsent(client, object);
  }
}

const refOf = ({ metadata }: KubeObject) => ({ namespace: metadata.namespace, name: metadata.name ?? '' });

const clusterScoped = new Set(['Namespace', 'ClusterRole', 'ClusterRoleBinding', 'CustomResourceDefinition']);

/** REST types of the kinds that an installation holds. */
function typeOf(object: KubeObject): ResourceType {
  const gvk = gvkOf(object);
  return { ...gvk, resource: `${gvk.kind.toLowerCase()}s`, namespaced: !clusterScoped.has(gvk.kind) };
}
