/** What is served, arranged for discovery and OpenAPI: groups in priority order, versions in theirs, resources by name. */
import type { GroupVersionKind } from '../../apimachinery/group-version.ts';
import type { ResourceDefinition } from '../../apimachinery/resource-definition.ts';
import type { RemoteVersion } from '../aggregation/aggregator.ts';
import { groupPriority } from '../aggregation/priorities.ts';
import type { VirtualResource } from '../endpoints/special-routes.ts';
import type { ResourceCatalog } from '../registry/resource-catalog.ts';
import type { ConnectHandler } from '../server.ts';

export interface ServedGroup {
  /** Empty for the core group. */
  name: string;
  /** The preferred one first. */
  versions: ServedVersion[];
}

export interface ServedVersion {
  group: string;
  version: string;
  /** By name. */
  resources: ServedResource[];
  /** Another server serves it, and does not answer. */
  stale?: boolean;
}

export interface ServedResource {
  resource: string;
  singular: string;
  kind: string;
  namespaced: boolean;
  verbs: readonly string[];
  shortNames: readonly string[];
  categories: readonly string[];
  /** By name. */
  subresources: ServedSubresource[];
  definition: ResourceDefinition | undefined;
  virtual: VirtualResource | undefined;
}

export interface ServedSubresource {
  name: string;
  /** Where the kind lives elsewhere its group and version differ from the resource's. */
  kind: GroupVersionKind;
  verbs: readonly string[];
}

/** `remote`: what other servers serve; it takes the place of the same version here. Cost: everything served; callers keep the result per generation. */
export function servedGroups(catalog: ResourceCatalog, remote: readonly RemoteVersion[] = []): ServedGroup[] {
  const resources = new Map<string, ServedResource>();
  const versions = new Map<string, ServedVersion>();
  const add = (group: string, version: string, resource: ServedResource) => {
    const key = `${group}/${version}`;
    const served = versions.get(key) ?? { group, version, resources: [] };
    versions.set(key, served);
    served.resources.push(resource);
    resources.set(`${key}/${resource.resource}`, resource);
  };
  for (const definition of catalog.list()) add(definition.type.group, definition.type.version, stored(definition));
  for (const { definition } of catalog.computedResources())
    add(definition.type.group, definition.type.version, stored(definition));
  for (const virtual of catalog.virtualResources()) add(virtual.type.group, virtual.type.version, created(virtual));
  for (const handler of catalog.connectHandlers()) {
    const parent = resources.get(`${handler.group}/${handler.version}/${handler.resource}`);
    if (parent !== undefined && !parent.subresources.some(({ name }) => name === handler.subresource))
      parent.subresources.push(connected(handler));
  }
  const priorities = new Map<string, number>();
  const versionPriorities = new Map<ServedVersion, number>();
  for (const { served, stale, groupPriority: priority, versionPriority } of remote) {
    const version = stale ? { ...served, stale, resources: [] } : served;
    versions.set(`${served.group}/${served.version}`, version);
    versionPriorities.set(version, versionPriority);
    priorities.set(served.group, Math.max(priority, priorities.get(served.group) ?? 0));
  }
  const priorityOf = (group: string): number =>
    // Nothing stands before the group in which groups are registered.
    group === 'apiregistration.k8s.io' ? 17_999 : (priorities.get(group) ?? groupPriority(group));
  const groups = new Map<string, ServedGroup>();
  for (const served of versions.values()) {
    served.resources.sort((a, b) => compare(a.resource, b.resource));
    for (const resource of served.resources) resource.subresources.sort((a, b) => compare(a.name, b.name));
    const group = groups.get(served.group) ?? { name: served.group, versions: [] };
    groups.set(served.group, group);
    group.versions.push(served);
  }
  const byPriority = (a: ServedVersion, b: ServedVersion): number =>
    (versionPriorities.get(b) ?? 0) - (versionPriorities.get(a) ?? 0);
  for (const { versions: all } of groups.values()) {
    const remotes = all.every((version) => versionPriorities.has(version));
    all.sort((a, b) => (remotes ? byPriority(a, b) : 0) || compareVersions(a.version, b.version));
  }
  // Built-in groups come first, so that their short names win.
  return [...groups.values()].sort((a, b) => priorityOf(b.name) - priorityOf(a.name) || compare(a.name, b.name));
}

/** Kubernetes' version priority: v2, v1, v2beta1, v1beta1, v1alpha1, then others by name. The higher one sorts first. */
export function compareVersions(a: string, b: string): number {
  const left = parseVersion(a);
  const right = parseVersion(b);
  if (left === undefined || right === undefined) return left === right ? compare(a, b) : left === undefined ? 1 : -1;
  return right.stability - left.stability || right.major - left.major || right.minor - left.minor;
}

function parseVersion(version: string): { major: number; stability: number; minor: number } | undefined {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  if (match === null) return undefined;
  const stability = match[2] === undefined ? 2 : match[2] === 'beta' ? 1 : 0;
  return { major: Number(match[1]), stability, minor: Number(match[3] ?? 0) };
}

function stored(definition: ResourceDefinition): ServedResource {
  const { type } = definition;
  const subresources: ServedSubresource[] = [];
  const verbs = ['get', 'patch', 'update'];
  if (definition.hasStatus) subresources.push({ name: 'status', kind: type, verbs });
  if (definition.scale !== undefined)
    subresources.push({ name: 'scale', kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' }, verbs });
  if (type.group === '' && type.resource === 'namespaces')
    subresources.push({ name: 'finalize', kind: type, verbs: ['update'] });
  for (const [name, view] of Object.entries(definition.views ?? {}))
    subresources.push({ name, kind: type, verbs: view.verbs });
  return {
    resource: type.resource,
    singular: definition.singular,
    kind: type.kind,
    namespaced: type.namespaced,
    verbs: [...definition.verbs].sort(),
    shortNames: definition.shortNames,
    categories: definition.categories,
    subresources,
    definition,
    virtual: undefined,
  };
}

function created(virtual: VirtualResource): ServedResource {
  return {
    resource: virtual.type.resource,
    singular: virtual.singular,
    kind: virtual.type.kind,
    namespaced: virtual.type.namespaced,
    verbs: ['create'],
    shortNames: [],
    categories: [],
    subresources: [],
    definition: undefined,
    virtual,
  };
}

const methodVerbs: Readonly<Record<string, string>> = {
  GET: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

function connected(handler: ConnectHandler): ServedSubresource {
  const { group, version } = handler.kindGroupVersion ?? handler;
  const verbs = handler.methods.flatMap((method) => methodVerbs[method] ?? []);
  return { name: handler.subresource, kind: { group, version, kind: handler.kind }, verbs: verbs.sort() };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
