/** Assembles an API server: storage, resources, admission, identity and listeners. */

import { type Clock, systemClock } from '../apimachinery/clock.ts';
import type { DeepReadonly, Unstructured } from '../apimachinery/object.ts';
import type { ResourceDefinition } from '../apimachinery/resource-definition.ts';
import { createClient } from '../client/client.ts';
import type { Transport } from '../client/transport.ts';
import { createHealth } from '../component/health.ts';
import { apiServices } from '../kubernetes/apiregistration/api-service.ts';
import { flowSchemas } from '../kubernetes/flowcontrol/flow-schema.ts';
import { priorityLevelConfigurations } from '../kubernetes/flowcontrol/priority-level-configuration.ts';
import { builtinResources } from '../kubernetes/kinds.ts';
import { type CompactionLimits, startCompaction } from '../storage/compaction.ts';
import type { Store } from '../storage/store.ts';
import type { AdmissionPlugin } from './admission/plugin.ts';
import type { AggregationOptions } from './aggregation/aggregator.ts';
import { createAuditCounts } from './audit/audit-metrics.ts';
import { type AuditOptions, createAuditor } from './audit/auditor.ts';
import type { RequestHeaderOptions } from './authentication/front-proxy.ts';
import type { UserInfo } from './authentication/user-info.ts';
import { type BuiltinContext, type BuiltinParts, createBuiltinParts } from './builtin-parts.ts';
import type { Converters } from './custom-resources/conversion-webhook.ts';
import type { ComputedResource } from './endpoints/computed.ts';
import { createFlowControl, type FlowControlOptions } from './flow-control/flow-control.ts';
import { createFlowMetrics } from './flow-control/flow-metrics.ts';
import { createFlowObjects } from './flow-control/flow-objects.ts';
import { sharedAbort } from './linked-abort.ts';
import { type Listener, listen } from './listener.ts';
import { createLocalTransport } from './local-transport.ts';
import { createServerMetrics } from './metrics.ts';
import { createPipeline } from './pipeline.ts';
import { createAdmissionChain } from './registry/admission-chain.ts';
import { Catalog } from './registry/catalog.ts';
import { startEventExpiry } from './registry/event-expiry.ts';
import type { ApiRequest, ApiResponse } from './request.ts';
import { createRouter } from './router.ts';
import { createStatusRoutes } from './status-routes.ts';

/** A subresource that is served by a function instead of the registry: pods/log, clusters/proxy, serviceaccounts/token. */
export interface ConnectHandler {
  /** `pods/log`: resource and subresource, of the group and version of `type`. */
  group: string;
  version: string;
  resource: string;
  subresource: string;
  /** HTTP methods, upper case. */
  methods: readonly string[];
  /** Kind shown in discovery, its group and version where they differ from the resource's. */
  kind: string;
  kindGroupVersion?: { group: string; version: string };
  /** The object's name where the path says more: `https:web:443` of a proxy. */
  objectName?(name: string): string;
  /** What a name means for which nothing is stored: `*` for all clusters. */
  standIn?(name: string): Unstructured | undefined;
  handle(request: ConnectRequest): Promise<ApiResponse>;
  /**
   * For requests that ask for another protocol, after the same checks; without it they are answered by `handle`. The reply either
   * takes the connection over or is an ordinary one. A refusal is thrown, and reaches the client as a Status before any upgrade.
   */
  upgrade?(request: ConnectRequest): Promise<ApiResponse>;
}

export interface ConnectRequest {
  request: ApiRequest;
  user: UserInfo;
  namespace: string;
  name: string;
  /** What follows the subresource in the path, without a leading slash. */
  rest: string;
  /** The stored object the subresource belongs to, or what stands in for it. */
  object: DeepReadonly<Unstructured>;
}

export interface ServingOptions {
  /** Default 127.0.0.1. */
  host?: string;
  /** 0 picks a free one. */
  port: number;
  /** PEM. */
  cert: string;
  key: string;
}

export interface ApiServerOptions {
  store: Store;
  /** Kinds besides the built-in ones and CRDs: API groups that `cmd` brings along. */
  resources?: readonly ResourceDefinition[];
  /** Kinds that are computed and never stored. */
  computed?: readonly ComputedResource[];
  connect?: readonly ConnectHandler[];
  /** Conversions of custom resources that need no webhook here. */
  converters?: Converters;
  /** Run after the built-in admission chain. */
  admission?: readonly AdmissionPlugin[];
  serving?: ServingOptions;
  /** PEM of the CA that signs client certificates. */
  clientCa?: string;
  /** Proxies that name the user in headers. */
  requestHeader?: RequestHeaderOptions | undefined;
  /** Secrets of type bootstrap.kubernetes.io/token are credentials. Default false, as upstream. */
  bootstrapTokens?: boolean;
  /** PEM of the EC or RSA key that signs service account tokens. */
  serviceAccountKey?: string;
  /** PEM of further public (or private) keys that service account tokens are verified with. */
  serviceAccountVerifyKeys?: readonly string[];
  /** Default https://kubernetes.default.svc.cluster.local */
  serviceAccountIssuer?: string;
  /** Service clusterIPs and nodePorts are allocated (a cluster with workloads) or left as written (a control plane of templates). */
  allocateServices?: { serviceCidr: string; nodePorts?: readonly [number, number] } | undefined;
  /** Admission plugins of the built-in chain to leave out, by name (Karmada's control plane: ServiceAccount). */
  disableAdmission?: readonly string[];
  flowControl?: FlowControlOptions;
  /** How long the server goes on serving after `stop`, while /readyz fails already: load balancers need time to notice. Default 0. */
  shutdownDelayMs?: number;
  /** How long requests that are worked on have to finish at stop. Default 5 s. */
  drainMs?: number;
  /** APIServices are served, and requests for what other servers serve are forwarded to them. */
  aggregation?: AggregationOptions | undefined;
  /** Who asked what is written down. */
  audit?: AuditOptions | undefined;
  /** Default 1 hour. */
  eventTtlMs?: number;
  /** How much of the past is kept. */
  compaction?: CompactionLimits;
  clock?: Clock;
  /** `v1.36.0` plus a suffix. */
  version?: string;
}

export interface ApiServer {
  /** Loads caches, writes the bootstrap objects (namespaces, RBAC) and listens when `serving` is given. */
  start(): Promise<void>;
  /** `https://127.0.0.1:34567`, once it listens. */
  readonly url: string;
  /** Asks new connections for client certificates of the authorities as they are now. */
  useAuthorities(): void;
  /** Shows new connections this certificate (PEM). Throws when the two do not belong together. */
  useCertificate(pair: { cert: string; key: string }): void;
  handle(request: ApiRequest): Promise<ApiResponse>;
  /** A transport whose requests are made by `user` (default: system:admin in system:masters), with a program that calls itself `userAgent`. */
  localTransport(user?: UserInfo, userAgent?: string): Transport;
  /** Fails /readyz, ends watches, drains requests, closes listeners. The store stays open: its owner closes it. */
  stop(): Promise<void>;
}

const defaultVersion = 'v1.36.0';
/** Milliseconds that the store has to answer a health check. */
const storageCheckTime = 2000;
const defaultEventTtl = 60 * 60_000;
const defaultDrainTime = 5000;
/** Who requests of the in-process transport are made by unless another user is named. */
const localAdmin: UserInfo = { name: 'system:admin', groups: ['system:masters', 'system:authenticated'] };

export function createApiServer(options: ApiServerOptions): ApiServer {
  // A client sends its certificate only to who asks for one of its authority.
  const authorities = [options.clientCa, options.requestHeader?.clientCa].filter((pem) => pem !== undefined);
  const kinds = [
    ...(options.aggregation === undefined ? [] : [apiServices]),
    ...builtinResources(),
    ...(options.flowControl?.objects === true ? [flowSchemas, priorityLevelConfigurations] : []),
  ];
  return assembleServer(options, createBuiltinParts, kinds, () =>
    authorities.length === 0 ? undefined : authorities.join('\n'),
  );
}

/** A server of these parts and kinds. `authorities`: PEM of those who sign client certificates. */
export function assembleServer(
  options: ApiServerOptions,
  createParts: (context: BuiltinContext) => BuiltinParts,
  kinds: readonly ResourceDefinition[],
  authorities: () => string | undefined,
): ApiServer {
  const { store } = options;
  const clock = options.clock ?? systemClock;
  const version = options.version ?? defaultVersion;
  const catalog = new Catalog(store, clock);
  const parts = createParts({ options, catalog, store, clock, version });
  catalog.configure({
    admission: createAdmissionChain([...parts.admission, ...(options.admission ?? []), ...parts.lastAdmission]),
    hooks: parts.commitHooks,
    connect: [...parts.connect, ...(options.connect ?? [])],
    virtual: parts.virtualResources,
    computed: [...parts.computed, ...(options.computed ?? [])],
  });
  const metrics = createServerMetrics();
  metrics.observeStorage(async () => ({
    revision: await store.revision(),
    oldestRevision: await store.oldestRevision(),
    ...(await store.stats()),
    objects: catalog.counts(),
  }));
  const health = createHealth();
  let started = false;
  health.add('start-hooks', 'ready', () => {
    if (!started) throw new Error('starting');
  });
  health.add('storage', 'ready', async () => {
    const answered = new AbortController();
    const late = clock.sleep(storageCheckTime, answered.signal).then(() => {
      throw new Error('the store does not answer');
    });
    try {
      await Promise.race([store.revision(), late]);
    } finally {
      answered.abort();
    }
  });
  let stopping = false;
  health.add('shutdown', 'ready', () => {
    if (stopping) throw new Error('process is shutting down');
  });
  const shutdown = sharedAbort();
  const { authenticator, authorizer } = parts;
  const routes = [...createStatusRoutes({ health, metrics, catalog, version }), ...parts.routes];
  const { remote, connectAdmission } = parts;
  const route = createRouter({ catalog, authorizer, clock, routes, remote, connectAdmission });
  const auditor = options.audit && createAuditor(options.audit, clock, createAuditCounts(metrics.registry));
  const flowControl = createFlowControl(options.flowControl ?? {}, clock, createFlowMetrics(metrics.registry));
  const handle = createPipeline({
    flowControl,
    authenticator,
    authorizer,
    clock,
    metrics,
    auditor,
    shutdown: shutdown.signal,
    route,
  });
  const flowObjects =
    options.flowControl?.objects === true ? createFlowObjects(catalog, clock, flowControl.configure) : undefined;
  let listener: Listener | undefined;
  const background: { stop(): void }[] = [];

  const server: ApiServer = {
    async start() {
      await catalog.feed.start();
      await catalog.add([...kinds, ...(options.resources ?? [])]);
      const compacting = new AbortController();
      void startCompaction(store, compacting.signal, {
        ...options.compaction,
        clock,
        onError: (error) => process.stderr.write(`apiserver: compaction failed, it is tried again: ${String(error)}\n`),
      });
      background.push(startEventExpiry(catalog, options.eventTtlMs ?? defaultEventTtl, clock), {
        stop: () => compacting.abort(),
      });
      for (const hook of parts.startHooks) await hook(server);
      await flowObjects?.start(createClient(server.localTransport()));
      started = true;
      if (options.serving === undefined) return;
      listener = await listen(options.serving, authorities(), handle);
      await parts.listening?.(server, listener.url);
    },
    get url() {
      if (listener === undefined) throw new Error('apiserver: it does not listen');
      return listener.url;
    },
    useAuthorities: () => listener?.useAuthorities(authorities()),
    useCertificate: (pair) => listener?.useCertificate(pair),
    handle,
    localTransport: (user = localAdmin, userAgent) => createLocalTransport(handle, user, userAgent),
    async stop() {
      stopping = true;
      if (options.shutdownDelayMs) await clock.sleep(options.shutdownDelayMs);
      shutdown.abort();
      await listener?.stop(options.drainMs ?? defaultDrainTime);
      // What requests lean on (admission webhooks, RBAC) stays until the last of them is through.
      for (const task of background) task.stop();
      await flowObjects?.stop();
      for (const hook of parts.stopHooks) await hook();
      await auditor?.close();
      await catalog.feed.stop();
    },
  };
  return server;
}
