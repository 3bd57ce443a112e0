/** The kinds that the control plane serves, by discovery, and which of them can be templates. */
import { apiVersionOf, type GroupVersionKind, type ResourceType } from '../apimachinery/group-version.ts';
import { isNotFound } from '../apimachinery/status-error.ts';
import type { Discovery } from '../client/discovery.ts';
import type { ResourceKinds } from './control-plane.ts';

export interface ManageableKinds {
  /** Resources in their preferred version that can be listed, watched and deleted. */
  types: readonly ResourceType[];
  /** Whether nothing could be learnt of a group version this time. */
  isUnknown(type: ResourceType): boolean;
}

export interface DiscoveredKinds extends ResourceKinds {
  /** Asks the API server. Rejects when it does not answer. */
  manageable(signal?: AbortSignal): Promise<ManageableKinds>;
}

export function createResourceKinds(discovery: Discovery): DiscoveredKinds {
  return {
    async find(kind) {
      try {
        return await discovery.resourceFor(kind);
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    async manageable(signal) {
      const { groupVersions, failed } = await discovery.serverResources(signal);
      const unknown = new Set(failed.map(apiVersionOf));
      const preferred = new Map<string, ResourceType>();
      for (const { resources } of groupVersions) {
        for (const { group, version, resource, kind, namespaced, verbs } of resources) {
          const key = `${group}/${resource}`;
          if (preferred.has(key) || !['list', 'watch', 'delete'].every((verb) => verbs.includes(verb))) continue;
          preferred.set(key, { group, version, resource, kind, namespaced });
        }
      }
      return { types: [...preferred.values()], isUnknown: (type) => unknown.has(apiVersionOf(type)) };
    },
  };
}

export const kindOf = (type: ResourceType): GroupVersionKind => ({
  group: type.group,
  version: type.version,
  kind: type.kind,
});
