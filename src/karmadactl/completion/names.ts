/** Names that servers know, for the line that is being typed. Whoever does not answer in time offers nothing. */
import { groupResource, type ResourceType } from '../../apimachinery/group-version.ts';
import { clusters } from '../../apis/resource-types.ts';
import type { Client } from '../../client/client.ts';
import type { ConnectedClient } from '../../client/connect.ts';
import { createDiscovery } from '../../client/discovery.ts';
import { withTimeout } from '../../component/abort.ts';
import { controlPlaneClient } from '../clients.ts';
import { openMember } from '../member-access.ts';
import { connectionFlags, flagValue, type Line } from './line.ts';

const memberTimeoutMs = 1500;

export interface Names {
  clusters(): Promise<string[]>;
  /** Cluster-scoped ones of the control plane: namespaces. */
  ofControlPlane(type: ResourceType): Promise<string[]>;
  /** `deployments.apps`, as far as they know the verb. */
  types(verb: string): Promise<string[]>;
  /** Of a type as it is typed, `deploy` for one. */
  objects(word: string): Promise<string[]>;
  /** The containers of a pod. */
  containers(pod: string): Promise<string[]>;
}

export function createNames(line: Line, signal: AbortSignal): Names {
  let opened: ConnectedClient | undefined;
  const controlPlane = (): ConnectedClient => {
    opened ??= controlPlaneClient(connectionFlags(line.before));
    return opened;
  };
  const list = async (client: Client, type: ResourceType, namespace: string, inner: AbortSignal): Promise<string[]> => {
    const within = type.namespaced ? { namespace } : {};
    const { items } = await client.resource(type).list({ ...within, metadataOnly: true, signal: inner });
    return items.map(({ metadata }) => metadata.name ?? '');
  };
  const clusterNames = () => list(controlPlane().client, clusters, '', signal);
  const servers = async (): Promise<ConnectedClient[]> => {
    const wanted = wantedServers(line);
    const members = wanted.members === 'all' ? await clusterNames() : wanted.members;
    return [
      ...(wanted.controlPlane ? [controlPlane()] : []),
      ...members.map((name) => openMember(controlPlane(), name)),
    ];
  };
  /** From all servers; one that is away or refuses costs its time and nothing else. */
  const ask = async <T>(question: (server: ConnectedClient, inner: AbortSignal) => Promise<T[]>): Promise<T[]> => {
    const answers = await Promise.allSettled(
      (await servers()).map((server) => withTimeout(signal, memberTimeoutMs, (inner) => question(server, inner))),
    );
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
  };
  const namespaceOf = (server: ConnectedClient): string => connectionFlags(line.before).namespace || server.namespace;
  return {
    clusters: clusterNames,
    ofControlPlane: (type) => list(controlPlane().client, type, '', signal),
    async types(verb) {
      const found = await ask(async ({ client }, inner) => {
        const { groupVersions } = await createDiscovery(client).serverResources(inner);
        return groupVersions.flatMap(({ resources }) => resources);
      });
      return found.filter(({ verbs }) => verbs.includes(verb)).map(groupResource);
    },
    objects: (word) =>
      ask(async (server, inner) => {
        const type = await createDiscovery(server.client).find(word, inner);
        return type === undefined ? [] : list(server.client, type, namespaceOf(server), inner);
      }),
    containers: (pod) =>
      ask(async (server, inner) => {
        const { pods } = await import('../../kubernetes/resource-types.ts');
        const { spec } = (await server.client
          .resource(pods)
          .get({ namespace: namespaceOf(server), name: pod }, { signal: inner })) as {
          spec?: { initContainers?: { name: string }[]; containers?: { name: string }[] };
        };
        return [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].map(({ name }) => name);
      }),
  };
}

/** Whom the command would ask, if it were complete. */
function wantedServers({ path, before }: Line): { controlPlane: boolean; members: 'all' | readonly string[] } {
  const named = flagValue(before, /^(-C|--clusters?)$/)?.split(',');
  if (path === 'logs' || path === 'promote') return { controlPlane: false, members: named ?? [] };
  if (path.startsWith('top ')) return { controlPlane: false, members: named ?? 'all' };
  const scope = flagValue(before, /^(-s|--operation-scope)$/);
  // Only get asks several; for the others a cluster must be named.
  const members = named ?? (path === 'get' ? 'all' : []);
  if (scope === 'members') return { controlPlane: false, members };
  return { controlPlane: true, members: scope === 'all' ? members : [] };
}
