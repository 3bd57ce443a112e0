/**
 * The members of a control plane as they can be reached now.
 *
 *   get ──▶ connecting ──▶ open (client, informers, discovery shared by all) ──Cluster deleted, endpoint or Secret named anew──▶ closed
 *              └── Cluster or Secret missing, incomplete: rejects; the next get tries again
 */
import { type Clock, systemClock } from '../apimachinery/clock.ts';
import { groupResource, type ResourceType } from '../apimachinery/group-version.ts';
import type { DeepReadonly, KubeObject } from '../apimachinery/object.ts';
import { notFound } from '../apimachinery/status-error.ts';
import type { Cluster } from '../apis/cluster/v1alpha1/cluster.ts';
import { clusters } from '../apis/resource-types.ts';
import { type Client, createClient } from '../client/client.ts';
import { createDiscovery, type Discovery } from '../client/discovery.ts';
import { createTransport } from '../client/http-transport.ts';
import type { Informer, InformerFactory, InformerOptions } from '../client/informer.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import { manyListeners } from '../component/abort.ts';
import { formatDuration } from '../component/duration.ts';
import { type Logger, silentLogger } from '../component/logging.ts';
import { secrets } from '../kubernetes/resource-types.ts';
import type { Secret } from '../kubernetes/types.ts';
import { connectionFingerprint, memberConnection } from './member-connection.ts';

export interface MemberCluster {
  readonly name: string;
  readonly client: Client;
  /** Runs already: an informer starts with the first call for it. */
  readonly informers: InformerFactory;
  readonly discovery: Discovery;
  /** Aborted when this connection is closed; `get` may then give another one. */
  readonly signal: AbortSignal;
  /** The informer once its first list is in the cache. Rejects when that takes longer than the cache sync time-out. */
  syncedInformer<T extends KubeObject>(type: ResourceType, options?: InformerOptions): Promise<Informer<T>>;
}

export interface MemberClusters {
  /**
   * Rejects with NotFound when there is no such Cluster, and with upstream's reason (the part after
   * `failed to create a ClusterClient: `) when it cannot be reached with what is known. Nothing is sent to the member.
   */
  get(cluster: string): Promise<MemberCluster>;
  /** The open connection, if there is one. */
  current(cluster: string): MemberCluster | undefined;
  /** Called when a connection was closed because its Cluster is gone or changed. Returns the removal. */
  onClosed(listener: (cluster: string) => void): () => void;
  /** Ends all connections. */
  close(): Promise<void>;
}

export interface MemberClustersOptions {
  /** The control plane. */
  client: Client;
  informers: InformerFactory;
  /** Of all clusters this one alone is looked at (an agent's own). */
  only?: string | undefined;
  /** Requests a second to each member; defaults 200 and 400. */
  qps?: number | undefined;
  burst?: number | undefined;
  /** Milliseconds; default 2 minutes. */
  cacheSyncTimeout?: number | undefined;
  userAgent?: string | undefined;
  logger?: Logger | undefined;
  clock?: Clock | undefined;
  /** Another way to a member than over the network (members in the same process). */
  connect?: ((cluster: DeepReadonly<Cluster>) => Promise<Client>) | undefined;
}

/** Selects one Cluster by its name; all without one. */
export const onlyCluster = (name: string | undefined): InformerOptions | undefined =>
  name === undefined ? undefined : { fieldSelector: `metadata.name=${name}` };

interface Entry {
  fingerprint: string;
  abort: AbortController;
  member: Promise<MemberCluster>;
  open: MemberCluster | undefined;
}

export function createMemberClusters(options: MemberClustersOptions): MemberClusters {
  const { client, informers, logger = silentLogger, clock = systemClock, cacheSyncTimeout = 120_000 } = options;
  const known = informers.informer<Cluster>(clusters, onlyCluster(options.only));
  const entries = new Map<string, Entry>();
  const listeners = new Set<(cluster: string) => void>();

  const connect = options.connect ?? ((cluster) => connectOverNetwork(cluster, options, client, clock));

  const close = (name: string, why: string): void => {
    const entry = entries.get(name);
    if (entry === undefined) return;
    entries.delete(name);
    entry.abort.abort(new Error(`the connection to cluster ${name} was closed: ${why}`));
    entry.member.then(
      (member) => member.client.close(),
      () => {},
    );
    logger.info('Closed the connection to a member', { cluster: name, why });
    for (const listener of [...listeners]) listener(name);
  };

  known.addHandler({
    updated(cluster) {
      const name = cluster.metadata.name ?? '';
      const entry = entries.get(name);
      if (entry !== undefined && entry.fingerprint !== connectionFingerprint(cluster))
        close(name, 'the Cluster changed');
    },
    deleted: (cluster) => close(cluster.metadata.name ?? '', 'the Cluster is gone'),
  });

  const open = async (cluster: DeepReadonly<Cluster>, abort: AbortController): Promise<MemberCluster> => {
    const name = cluster.metadata.name ?? '';
    const memberClient = await connect(cluster);
    const memberLogger = logger.child({ cluster: name });
    const memberInformers = createInformerFactory(memberClient, { clock, logger: memberLogger });
    memberInformers.start(abort.signal);
    return {
      name,
      client: memberClient,
      informers: memberInformers,
      discovery: createDiscovery(memberClient, clock),
      signal: abort.signal,
      async syncedInformer(type, selection) {
        const informer = memberInformers.informer<never>(type, selection);
        if (informer.synced) return informer;
        const late = new Error(
          `the cache of ${groupResource(type)} of cluster ${name} was not filled within ${formatDuration(cacheSyncTimeout)}`,
        );
        const timeout = new AbortController();
        const timer = clock.setTimeout(() => timeout.abort(late), cacheSyncTimeout);
        try {
          await informer.whenSynced(AbortSignal.any([timeout.signal, abort.signal]));
        } finally {
          timer.cancel();
        }
        return informer;
      },
    };
  };

  return {
    async get(name) {
      const existing = entries.get(name);
      if (existing !== undefined) return existing.member;
      if (!known.synced) await known.whenSynced();
      const cluster = known.get(name);
      if (cluster === undefined) throw notFound(clusters, name);
      const raced = entries.get(name);
      if (raced !== undefined) return raced.member;
      const abort = new AbortController();
      manyListeners(abort.signal);
      const entry: Entry = {
        fingerprint: connectionFingerprint(cluster),
        abort,
        member: open(cluster, abort),
        open: undefined,
      };
      entries.set(name, entry);
      try {
        const member = await entry.member;
        entry.open = member;
        logger.info('Connected to a member', { cluster: name, apiEndpoint: cluster.spec.apiEndpoint });
        return member;
      } catch (error) {
        if (entries.get(name) === entry) entries.delete(name);
        throw error;
      }
    },
    current: (name) => entries.get(name)?.open,
    onClosed(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      const open = [...entries.values()];
      entries.clear();
      for (const { abort } of open) abort.abort(new Error('stopped'));
      await Promise.all(open.map(({ member }) => member.then((m) => m.client.close()).catch(() => {})));
    },
  };
}

async function connectOverNetwork(
  cluster: DeepReadonly<Cluster>,
  { qps = 200, burst = 400, userAgent }: MemberClustersOptions,
  client: Client,
  clock: Clock,
): Promise<Client> {
  const connection = await memberConnection(cluster, (ref) => client.resource<Secret>(secrets).get(ref), clock);
  return createClient(createTransport(connection, { qps, burst, userAgent, headersTimeoutMs: 32_000, clock }));
}
