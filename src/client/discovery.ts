/** What a server serves: kinds to REST paths and back, and the whole list for those who need it. */
import { type Clock, systemClock } from '../apimachinery/clock.ts';
import {
  apiVersionOf,
  type GroupVersion,
  type GroupVersionKind,
  groupVersionPath,
  parseApiVersion,
  type ResourceType,
} from '../apimachinery/group-version.ts';
import { isNotFound, StatusError, statusFailure } from '../apimachinery/status-error.ts';
import type { Client } from './client.ts';

export interface ApiResource extends ResourceType {
  singularName: string;
  verbs: readonly string[];
  shortNames: readonly string[];
  categories: readonly string[];
}

export interface ServedGroupVersion extends GroupVersion {
  /** Without subresources, in the order of names. */
  resources: readonly ApiResource[];
}

export interface ServerResources {
  /** In the server's order of groups and versions: the first version of a group is the preferred one. */
  groupVersions: readonly ServedGroupVersion[];
  /** Listed by the server, but their resources could not be read. */
  failed: readonly GroupVersion[];
}

export interface Discovery {
  /**
   * The REST type of a kind. A kind that is not known yet is looked up in its group version's document, at most once a
   * second. Throws NotFound `no matches for kind "X" in version "g/v"`.
   */
  resourceFor(gvk: Readonly<GroupVersionKind>): Promise<ResourceType>;
  /** The same without asking the server. */
  known(gvk: Readonly<GroupVersionKind>): ResourceType | undefined;
  /** By group, version and plural. Throws NotFound. */
  byResource(gvr: Readonly<GroupVersion & { resource: string }>): Promise<ApiResource>;
  /** Everything; the server is asked again on each call, and mostly answers "unchanged". */
  serverResources(signal?: AbortSignal): Promise<ServerResources>;
  /** What a user may write: `deploy`, `deployments`, `Deployment`, `deployments.apps`, `deployments.v1.apps`. Built-in groups win. */
  find(word: string, signal?: AbortSignal): Promise<ApiResource | undefined>;
  /** The resources of a category, `all` for one, each in its preferred version; none when there is no such category. */
  category(name: string, signal?: AbortSignal): Promise<readonly ApiResource[]>;
  /** Forgets what is known, of one group version or of all. */
  invalidate(gv?: Readonly<GroupVersion>): void;
}

interface CachedVersion {
  at: number;
  resources: readonly ApiResource[];
}

interface CachedDocument {
  etag: string;
  versions: readonly ServedGroupVersion[];
  failed: readonly GroupVersion[];
}

const refreshAfterMs = 1000;
const aggregated = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';

export function createDiscovery(client: Client, clock: Clock = systemClock): Discovery {
  const versions = new Map<string, CachedVersion>();
  const loading = new Map<string, Promise<readonly ApiResource[]>>();
  const documents = new Map<string, CachedDocument>();

  const load = (gv: GroupVersion): Promise<readonly ApiResource[]> => {
    const key = apiVersionOf(gv);
    let promise = loading.get(key);
    if (promise === undefined) {
      promise = readGroupVersion(client, gv)
        .then((resources) => {
          versions.set(key, { at: clock.now(), resources });
          return resources;
        })
        .finally(() => loading.delete(key));
      loading.set(key, promise);
    }
    return promise;
  };

  const lookUp = async (
    gv: Readonly<GroupVersion>,
    match: (resource: ApiResource) => boolean,
    noMatch: () => StatusError,
  ): Promise<ApiResource> => {
    const cached = versions.get(apiVersionOf(gv));
    const found = cached?.resources.find(match);
    if (found !== undefined) return found;
    if (cached !== undefined && clock.now() - cached.at < refreshAfterMs) throw noMatch();
    try {
      const fresh = (await load({ group: gv.group, version: gv.version })).find(match);
      if (fresh !== undefined) return fresh;
    } catch (error) {
      if (!isNotFound(error)) throw error;
      versions.set(apiVersionOf(gv), { at: clock.now(), resources: [] });
    }
    throw noMatch();
  };

  const readAggregated = async (path: string, signal?: AbortSignal): Promise<CachedDocument | undefined> => {
    const before = documents.get(path);
    const headers: Record<string, string> = { accept: aggregated };
    if (before !== undefined) headers['if-none-match'] = before.etag;
    const response = await client.transport.request({ method: 'GET', path, headers, signal });
    const chunks: Uint8Array[] = [];
    for await (const chunk of response.body) chunks.push(chunk);
    if (response.status === 304 && before !== undefined) return before;
    const type = String(response.headers['content-type'] ?? '');
    if (response.status !== 200 || !type.includes('as=APIGroupDiscoveryList')) return undefined;
    const document = parseAggregated(JSON.parse(Buffer.concat(chunks).toString('utf8')) as AggregatedList);
    const etag = response.headers['etag'];
    const cached = { ...document, etag: typeof etag === 'string' ? etag : '' };
    if (cached.etag !== '') documents.set(path, cached);
    return cached;
  };

  const serverResources = async (signal?: AbortSignal): Promise<ServerResources> => {
    const parts = await Promise.all([readAggregated('/api', signal), readAggregated('/apis', signal)]);
    const result =
      parts[0] !== undefined && parts[1] !== undefined ? join(parts[0], parts[1]) : await readLegacy(client, signal);
    const at = clock.now();
    for (const { resources, ...gv } of result.groupVersions) versions.set(apiVersionOf(gv), { at, resources });
    return result;
  };

  return {
    serverResources,
    resourceFor: async (gvk) =>
      lookUp(
        gvk,
        ({ kind }) => kind === gvk.kind,
        () => statusFailure(404, 'NotFound', `no matches for kind "${gvk.kind}" in version "${apiVersionOf(gvk)}"`),
      ),
    known: (gvk) => versions.get(apiVersionOf(gvk))?.resources.find(({ kind }) => kind === gvk.kind),
    byResource: (gvr) =>
      lookUp(
        gvr,
        ({ resource }) => resource === gvr.resource,
        () => statusFailure(404, 'NotFound', `no matches for ${gvr.group}/${gvr.version}, Resource=${gvr.resource}`),
      ),
    async find(word, signal) {
      const { groupVersions } = await serverResources(signal);
      return findByWord(groupVersions, word);
    },
    async category(name, signal) {
      const { groupVersions } = await serverResources(signal);
      const found = new Map<string, ApiResource>();
      for (const resource of groupVersions.flatMap(({ resources }) => resources)) {
        const key = `${resource.group}/${resource.resource}`;
        if (resource.categories.includes(name) && resource.verbs.includes('list') && !found.has(key))
          found.set(key, resource);
      }
      return [...found.values()];
    },
    invalidate(gv) {
      if (gv === undefined) versions.clear();
      else versions.delete(apiVersionOf(gv));
    },
  };
}

function join(core: CachedDocument, groups: CachedDocument): ServerResources {
  return { groupVersions: [...core.versions, ...groups.versions], failed: [...core.failed, ...groups.failed] };
}

function findByWord(groupVersions: readonly ServedGroupVersion[], word: string): ApiResource | undefined {
  const [name = '', ...rest] = word.toLowerCase().split('.');
  const suffix = rest.join('.');
  const named = groupVersions
    .flatMap(({ resources }) => resources)
    .filter(
      ({ group, version }) =>
        suffix === '' || suffix === group || suffix === `${version}.${group}` || (group === '' && suffix === version),
    );
  return (
    named.find(
      ({ resource, singularName, kind }) => resource === name || singularName === name || kind.toLowerCase() === name,
    ) ?? named.find(({ shortNames }) => shortNames.includes(name))
  );
}

interface AggregatedList {
  items?: {
    metadata?: { name?: string };
    versions?: {
      version: string;
      freshness?: string;
      resources?: {
        resource: string;
        responseKind?: { group?: string; version?: string; kind: string };
        scope: string;
        singularResource?: string;
        verbs?: string[];
        shortNames?: string[];
        categories?: string[];
      }[];
    }[];
  }[];
}

function parseAggregated(list: AggregatedList): Omit<CachedDocument, 'etag'> {
  const versions: ServedGroupVersion[] = [];
  const failed: GroupVersion[] = [];
  for (const item of list.items ?? []) {
    const group = item.metadata?.name ?? '';
    for (const { version, freshness, resources = [] } of item.versions ?? []) {
      if (freshness === 'Stale') failed.push({ group, version });
      if (freshness === 'Stale' && resources.length === 0) continue;
      const served = resources
        .filter(({ verbs, responseKind }) => (verbs?.length ?? 0) > 0 && responseKind !== undefined)
        .map((entry) => ({
          group,
          version,
          resource: entry.resource,
          kind: entry.responseKind!.kind,
          namespaced: entry.scope === 'Namespaced',
          singularName: entry.singularResource ?? '',
          verbs: entry.verbs ?? [],
          shortNames: entry.shortNames ?? [],
          categories: entry.categories ?? [],
        }))
        .sort(byName);
      versions.push({ group, version, resources: served });
    }
  }
  return { versions, failed };
}

/** One request for the list of groups and one for each version: servers before aggregated discovery. */
async function readLegacy(client: Client, signal?: AbortSignal): Promise<ServerResources> {
  const call = { signal };
  const [core, groups] = await Promise.all([
    client.request<{ versions?: string[] }>('GET', '/api', call),
    client.request<{ groups?: { name: string; versions: { version: string }[] }[] }>('GET', '/apis', call),
  ]);
  const listed: GroupVersion[] = [
    ...(core.versions ?? []).map((version) => ({ group: '', version })),
    ...(groups.groups ?? []).flatMap(({ name, versions }) => versions.map(({ version }) => ({ group: name, version }))),
  ];
  const failed: GroupVersion[] = [];
  const results = await Promise.all(
    listed.map(async (gv) => {
      try {
        return { ...gv, resources: await readGroupVersion(client, gv, signal) };
      } catch (error) {
        if (!(error instanceof StatusError)) throw error;
        failed.push(gv);
        return undefined;
      }
    }),
  );
  return { groupVersions: results.filter((entry) => entry !== undefined), failed };
}

interface ResourceList {
  groupVersion?: string;
  resources?: {
    name: string;
    singularName?: string;
    namespaced?: boolean;
    kind: string;
    verbs?: string[];
    shortNames?: string[];
    categories?: string[];
  }[];
}

async function readGroupVersion(
  client: Client,
  gv: GroupVersion,
  signal?: AbortSignal,
): Promise<readonly ApiResource[]> {
  const list = await client.request<ResourceList>('GET', groupVersionPath(gv), { signal });
  const { group, version } = parseApiVersion(list.groupVersion ?? apiVersionOf(gv));
  return (list.resources ?? [])
    .filter(({ name }) => !name.includes('/'))
    .map((entry) => ({
      group,
      version,
      resource: entry.name,
      kind: entry.kind,
      namespaced: entry.namespaced === true,
      singularName: entry.singularName ?? '',
      verbs: entry.verbs ?? [],
      shortNames: entry.shortNames ?? [],
      categories: entry.categories ?? [],
    }))
    .sort(byName);
}

const byName = (a: ApiResource, b: ApiResource): number =>
  a.resource < b.resource ? -1 : a.resource > b.resource ? 1 : 0;
