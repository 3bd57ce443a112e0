/** Names of API types: group, version, kind and resource (plural). The core group is the empty string. */

export interface GroupVersion {
  group: string;
  version: string;
}

export interface GroupVersionKind extends GroupVersion {
  kind: string;
}

/** What a client must know of a kind to reach it over REST. */
export interface ResourceType extends GroupVersionKind {
  /** Plural, lower case: `deployments`. */
  resource: string;
  namespaced: boolean;
}

/** `v1`, `apps/v1`. */
export function apiVersionOf(gv: Readonly<GroupVersion>): string {
  return gv.group === '' ? gv.version : `${gv.group}/${gv.version}`;
}

export function parseApiVersion(apiVersion: string): GroupVersion {
  const slash = apiVersion.indexOf('/');
  return slash < 0
    ? { group: '', version: apiVersion }
    : { group: apiVersion.slice(0, slash), version: apiVersion.slice(slash + 1) };
}

export function gvkOf(object: { readonly apiVersion: string; readonly kind: string }): GroupVersionKind {
  return { ...parseApiVersion(object.apiVersion), kind: object.kind };
}

/** `deployments.apps`, `pods`: the form used in messages. */
export function groupResource(type: Readonly<{ group: string; resource: string }>): string {
  return type.group === '' ? type.resource : `${type.resource}.${type.group}`;
}

/** `Deployment.apps`, `Pod`. */
export function groupKind(type: Readonly<{ group: string; kind: string }>): string {
  return type.group === '' ? type.kind : `${type.kind}.${type.group}`;
}

/** `/api/v1` or `/apis/apps/v1`. */
export function groupVersionPath(gv: Readonly<GroupVersion>): string {
  return gv.group === '' ? `/api/${gv.version}` : `/apis/${gv.group}/${gv.version}`;
}

/** The REST path of a collection, or of one object when a name is given; a namespace is ignored for cluster-scoped types. */
export function resourcePath(
  type: Readonly<ResourceType>,
  ref: { readonly namespace?: string | undefined; readonly name?: string | undefined } = {},
  subresource?: string,
): string {
  let path = groupVersionPath(type);
  if (type.namespaced && ref.namespace) path += `/namespaces/${encodeURIComponent(ref.namespace)}`;
  path += `/${type.resource}`;
  if (ref.name !== undefined) path += `/${encodeURIComponent(ref.name)}`;
  if (subresource !== undefined) path += `/${subresource}`;
  return path;
}
