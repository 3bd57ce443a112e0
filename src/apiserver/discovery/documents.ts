/** Discovery documents in the legacy form (one GET per group version) and the aggregated form (all in one). */
import { apiVersionOf } from '../../apimachinery/group-version.ts';
import type { ServedGroup, ServedResource, ServedVersion } from './served-groups.ts';

/** `/api`. `serverAddress` is `host:port`. */
export function apiVersions(groups: readonly ServedGroup[], serverAddress: string) {
  const core = groups.find(({ name }) => name === '');
  return {
    kind: 'APIVersions',
    versions: core?.versions.map(({ version }) => version) ?? [],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
  };
}

/** `/apis`. */
export function apiGroupList(groups: readonly ServedGroup[]) {
  return {
    kind: 'APIGroupList',
    apiVersion: 'v1',
    groups: groups.filter(({ name }) => name !== '').map(groupBody),
  };
}

/** `/apis/<group>`. */
export function apiGroup(group: ServedGroup) {
  return { kind: 'APIGroup', apiVersion: 'v1', ...groupBody(group) };
}

/** `/api/v1`, `/apis/<group>/<version>`. */
export function apiResourceList(served: ServedVersion) {
  const resources = served.resources.flatMap((resource) => [
    legacyResource(resource),
    ...resource.subresources.map((sub) => ({
      name: `${resource.resource}/${sub.name}`,
      singularName: '',
      namespaced: resource.namespaced,
      ...(sub.kind.group === served.group && sub.kind.version === served.version
        ? {}
        : { group: sub.kind.group, version: sub.kind.version }),
      kind: sub.kind.kind,
      verbs: sub.verbs,
    })),
  ]);
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: apiVersionOf(served), resources };
}

/** `/api` (core) or `/apis` (the other groups) for clients that know the aggregated form. */
export function aggregatedDiscovery(groups: readonly ServedGroup[], version: 'v2' | 'v2beta1') {
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map((group) => ({
      metadata: group.name === '' ? {} : { name: group.name },
      versions: group.versions.map((served) => ({
        version: served.version,
        resources: served.resources.map((resource) => aggregatedResource(served, resource)),
        freshness: served.stale === true ? 'Stale' : 'Current',
      })),
    })),
  };
}

function groupBody(group: ServedGroup) {
  const versions = group.versions.map((served) => ({ groupVersion: apiVersionOf(served), version: served.version }));
  return { name: group.name, versions, preferredVersion: versions[0] };
}

function legacyResource(resource: ServedResource) {
  return {
    name: resource.resource,
    singularName: resource.singular,
    namespaced: resource.namespaced,
    kind: resource.kind,
    verbs: resource.verbs,
    ...names(resource),
  };
}

function aggregatedResource({ group, version }: ServedVersion, resource: ServedResource) {
  const scope = resource.namespaced ? 'Namespaced' : 'Cluster';
  return {
    resource: resource.resource,
    responseKind: { group, version, kind: resource.kind },
    scope,
    singularResource: resource.singular,
    verbs: resource.verbs,
    ...names(resource),
    ...(resource.subresources.length === 0
      ? {}
      : {
          subresources: resource.subresources.map((sub) => ({
            subresource: sub.name,
            responseKind: { group: sub.kind.group, version: sub.kind.version, kind: sub.kind.kind },
            verbs: sub.verbs,
          })),
        }),
  };
}

const names = (resource: ServedResource) => ({
  ...(resource.shortNames.length === 0 ? {} : { shortNames: resource.shortNames }),
  ...(resource.categories.length === 0 ? {} : { categories: resource.categories }),
});
