/** Assembles a cluster in this process: store, API server, controllers, scheduler, kubelet, service proxy. */
import { createHash } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, systemClock } from '../apimachinery/clock.ts';
import { internalError, statusFailure } from '../apimachinery/status-error.ts';
import type { UserInfo } from '../apiserver/authentication/user-info.ts';
import { type ApiServer, createApiServer } from '../apiserver/server.ts';
import { type Client, createClient } from '../client/client.ts';
import type { InformerFactory } from '../client/informer.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import { type Logger, silentLogger } from '../component/logging.ts';
import { createEventRecorder, type EventRecorder } from '../controller/event-recorder.ts';
import type { Runnable } from '../controller/manager.ts';
import { createKubeControllers } from '../kube-controllers/kube-controllers.ts';
import { endpointSlices, nodes, pods, services } from '../kubernetes/resource-types.ts';
import type { EndpointSlice, Node, Pod, Service } from '../kubernetes/types.ts';
import { openEmbeddedStore } from '../storage/embedded/embedded-store.ts';
import { createMemoryStore } from '../storage/memory/memory-store.ts';
import { choosePort, rememberPort, writeKubeconfig } from './cluster-address.ts';
import {
  defaultRanges,
  type KubeliteOptions,
  kubernetesVersion,
  loadBalancerPrefix,
  nodeName,
  processRange,
} from './cluster-options.ts';
import { type ClusterPki, ensureClusterPki } from './cluster-pki.ts';
import { type ControllerChoice, chooseControllers } from './controller-choice.ts';
import type { ControllerContext } from './controllers/controller-context.ts';
import { ensureProviderRights } from './controllers/provider-rights.ts';
import {
  controllerManagerUser,
  controllerUser,
  ensureMetricsReader,
  ensureNodeRights,
  nodeUser,
  schedulerUser,
} from './identities.ts';
import { findExecutablesDirectory } from './kubelet/executables.ts';
import { createKubelet } from './kubelet/kubelet.ts';
import { createMixedRuntime } from './kubelet/mixed-runtime.ts';
import { createNodeHeartbeats, defaultGraceMs, downAnnotation, leasePeriodMs } from './kubelet/node-heartbeats.ts';
import { type NodeSpec, pressureAnnotation } from './kubelet/node-status.ts';
import {
  type AddressPool,
  cidrSize,
  createAddressPool,
  formatAddress,
  formatCidr,
  parseCidr,
  subnet,
} from './kubelet/pod-addresses.ts';
import { createPodEvents } from './kubelet/pod-events.ts';
import { createPodLogHandler } from './kubelet/pod-log-handler.ts';
import { createProcessRuntime, removeStalePodDirectories } from './kubelet/process-runtime.ts';
import { createReferenceReader } from './kubelet/references.ts';
import type { PodRuntime } from './kubelet/runtime.ts';
import { createSimulatedRuntime } from './kubelet/simulated-runtime.ts';
import { createPodStreamHandlers } from './kubelet/streaming/pod-streams.ts';
import { createPortForwardHandler } from './kubelet/streaming/port-forward.ts';
import { createVolumeContents } from './kubelet/volume-contents.ts';
import { createMetricsApi, createNodeOverhead, type MetricsSources } from './metrics-api.ts';
import { nodeDocument } from './node-documents.ts';
import { createPodScheduler } from './pod-scheduler/pod-scheduler.ts';
import { createResourceProxies, type ProxySources } from './resource-proxy.ts';
import { createServiceProxy, type ServiceProxy } from './service-proxy.ts';

export interface Kubelite {
  readonly name: string;
  /** `https://127.0.0.1:34567`. */
  readonly url: string;
  /** PEM of the cluster's authority, and of the administrator's certificate and key. */
  readonly credentials: { ca: string; cert: string; key: string };
  /** The administrator, in this process. */
  readonly client: Client;
  /** Rejects when something the cluster cannot do without has failed; never before `stop` otherwise. */
  readonly failed: Promise<never>;
  /** Stops pods, controllers and the API server; data stays. */
  stop(): Promise<void>;
}

/** Starts a cluster: it listens, its nodes are Ready and its controllers run when this resolves. */
export async function startKubelite(options: KubeliteOptions): Promise<Kubelite> {
  const logger = options.logger ?? silentLogger;
  const choice = chooseControllers(options.controllers ?? ['*']);
  const clock = options.clock ?? systemClock;
  const ranges = defaultRanges(options);
  const podCidr = parseCidr(options.podCidr ?? ranges.podCidr);
  const serviceCidr = parseCidr(options.serviceCidr ?? ranges.serviceCidr);
  const bindAddress = options.bindAddress ?? '127.0.0.1';
  const dataDir = options.dataDir;
  if (dataDir !== undefined) mkdirSync(dataDir, { recursive: true, mode: 0o700 });

  // The store first: it holds the lock of the data directory, so nobody else writes what follows.
  const store =
    dataDir === undefined
      ? createMemoryStore()
      : await openEmbeddedStore(join(dataDir, 'store'), { name: options.name });
  const cleanups: (() => Promise<void> | void)[] = [() => store.close()];
  const stopAll = async (): Promise<void> => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  };
  try {
    const port = await choosePort(dataDir, bindAddress, options.securePort ?? 0);
    const pki = await ensureClusterPki(
      dataDir === undefined ? undefined : join(dataDir, 'pki'),
      options.name,
      servingNames(options, bindAddress, formatAddress(serviceCidr.base + 1)),
    );
    let runtime: PodRuntime | undefined;
    let metrics: MetricsSources | undefined;
    let proxies: ProxySources | undefined;
    const nodeSpecs = planNodes(options, podCidr);
    let isDown: (node: string) => boolean = () => false;
    /** Throws as an API server does that cannot reach a node's kubelet. */
    const runtimeOf = (node: string): PodRuntime | undefined => {
      const spec = nodeSpecs.find(({ name }) => name === node);
      if (spec === undefined || !isDown(node)) return spec && runtime;
      throw internalError(`dial tcp ${spec.hostIP}:10250: connect: no route to host`);
    };
    const server = createApiServer({
      store,
      clock,
      version: kubernetesVersion,
      serving: { host: bindAddress, port, cert: pki.serving.cert, key: pki.serving.key },
      clientCa: pki.ca.cert,
      serviceAccountKey: pki.serviceAccountKey,
      allocateServices: { serviceCidr: formatCidr(serviceCidr) },
      ...(dataDir === undefined ? { compaction: shortHistory } : {}),
      computed: createMetricsApi(() => ready(metrics)),
      connect: [
        createPodLogHandler(runtimeOf, () => clock.now()),
        ...createPodStreamHandlers(runtimeOf),
        createPortForwardHandler(runtimeOf),
        ...createResourceProxies(() => ready(proxies)),
      ],
    });
    await server.start();
    cleanups.push(() => server.stop());
    rememberPort(dataDir, server.url);
    await writeKubeconfig(options, server.url, pki);
    logger.info('The API server listens', { url: server.url });

    const life = new AbortController();
    const work = new AbortController();
    // Every part listens for the end: many listeners are no leak here.
    setMaxListeners(0, life.signal, work.signal);
    const parts = createParts({ options, choice, server, pki, clock, logger, nodeSpecs });
    runtime = await parts.createRuntime(server.url);
    isDown = parts.isDown;
    metrics = parts.metrics(runtimeOf);
    proxies = parts.proxies(metrics);
    const { runnables, proxy } = parts.createControllers(runtime, podCidr, serviceCidr);
    cleanups.push(() => life.abort(new Error('stopped')));
    parts.informers.start(life.signal);
    await Promise.all([
      ensureNodeRights(parts.admin),
      ensureMetricsReader(parts.admin),
      ensureProviderRights(parts.admin),
    ]);
    await Promise.all([parts.heartbeats(runtime).register(), parts.informers.whenSynced(life.signal)]);
    if (options.runtime === 'process' || options.runtime === 'mixed') {
      const cached = parts.informers.informer(pods).list();
      removeStalePodDirectories(processHome(options), new Set(cached.map((pod) => pod.metadata.uid ?? '')));
    }
    const running = runAll(runnables, work.signal);
    cleanups.push(async () => {
      work.abort(new Error('stopped'));
      await running.catch(() => {});
      // Services are reachable until the last pod has stopped.
      await runtime?.close();
      proxy?.close();
      await Promise.all(parts.recorders.map((recorder) => recorder.flush(500)));
    });
    const stopped = new Promise<never>((_, reject) => running.catch(reject));
    stopped.catch(() => {});
    return {
      name: options.name,
      url: server.url,
      credentials: { ca: pki.ca.cert, cert: pki.admin.cert, key: pki.admin.key },
      client: parts.admin,
      failed: stopped,
      stop: stopAll,
    };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

/** Throws 503 for what is asked before the cluster's parts are there. */
function ready<T>(part: T | undefined): T {
  if (part === undefined) throw statusFailure(503, 'ServiceUnavailable', 'the kubelet is starting');
  return part;
}

/** In memory, history costs as much as what is there: only those who look away for a moment find what they missed. */
const shortHistory = { keepMs: 30_000, keepRevisions: 10_000, keepBytes: 16 * 1024 * 1024, intervalMs: 5000 };

interface PartsOptions {
  options: KubeliteOptions;
  choice: ControllerChoice;
  server: ApiServer;
  pki: ClusterPki;
  clock: Clock;
  logger: Logger;
  nodeSpecs: readonly NodeSpec[];
}

function createParts({ options, choice, server, pki, clock, nodeSpecs, ...rest }: PartsOptions) {
  // A tool's user wants to know that the cluster is there, not that each of its forty parts is.
  const logger = withoutInfo(rest.logger);
  // The parts of a cluster share the server's objects; who is handed the administrator's client need not know.
  const clientOf = (user: UserInfo): Client => createClient(server.localTransport(user), { shared: true });
  const admin = createClient(server.localTransport());
  const nodeMonitorGraceMs = options.nodeMonitorGraceMs ?? defaultGraceMs(options.nodesOfProcess ?? nodeSpecs.length);
  const informers: InformerFactory = createInformerFactory(clientOf(controllerManagerUser), { clock, logger });
  const recorders: EventRecorder[] = [];
  const contextOf = (user: UserInfo, component: string): ControllerContext => {
    const client = clientOf(user);
    const recorder = createEventRecorder(client, component, { clock, logger });
    recorders.push(recorder);
    return {
      informers,
      client,
      clock,
      logger,
      recordEvent: (object, type, reason, message, about) => recorder.event(object, type, reason, message, about),
    };
  };
  const pools = new Map<string, AddressPool>(
    nodeSpecs.map((spec) => [spec.name, createAddressPool(parseCidr(spec.podCidr))]),
  );
  const addressesOf = (node: string): AddressPool => {
    const pool = pools.get(node);
    if (pool === undefined) throw new Error(`no node ${node}`);
    return pool;
  };
  const hostIPs = new Map(nodeSpecs.map((spec) => [spec.name, spec.hostIP]));
  const kubelet = contextOf(nodeUser(nodeSpecs[0]?.name ?? options.name), 'kubelet');
  const events = createPodEvents(kubelet.recordEvent);
  const references = createReferenceReader(kubelet.client);
  const nodeCache = informers.informer<Node>(nodes);
  const serviceCache = informers.informer<Service>(services);
  const isDown = (node: string): boolean => nodeCache.get(node)?.metadata.annotations?.[downAnnotation] === 'true';
  const pressureOf = (node: string): string => nodeCache.get(node)?.metadata.annotations?.[pressureAnnotation] ?? '';
  nodeCache.addHandler({
    updated({ metadata }, old) {
      if (metadata.annotations?.[pressureAnnotation] !== old.metadata.annotations?.[pressureAnnotation])
        heartbeats?.changed(metadata.name ?? '');
    },
  });
  let enqueuePod: (key: string) => void = () => {};
  let heartbeats: ReturnType<typeof createNodeHeartbeats> | undefined;

  return {
    admin,
    informers,
    recorders,
    isDown,

    metrics(runtimeOf: (node: string) => PodRuntime | undefined): MetricsSources {
      return {
        pods: informers.informer<Pod>(pods),
        nodes: nodeCache,
        runtimeOf: (node) => (isDown(node) ? undefined : runtimeOf(node)),
        nodeOverhead: createNodeOverhead(options.runtime === 'process', clock),
        now: () => clock.now(),
      };
    },

    proxies(metrics: MetricsSources): ProxySources {
      return {
        pods: informers.informer<Pod>(pods),
        endpointSlices: informers.informer<EndpointSlice>(endpointSlices),
        runtimeOf: metrics.runtimeOf,
        nodeDocument: (node, path) => nodeDocument(metrics, node, path),
      };
    },

    heartbeats(runtime: PodRuntime) {
      heartbeats ??= createNodeHeartbeats(
        nodeSpecs.map((spec) => ({ ...spec, runtimeVersion: runtime.version })),
        kubelet.client,
        clock,
        logger,
        { isDown, pressureOf, recordEvent: kubelet.recordEvent },
        leasePeriodMs(nodeMonitorGraceMs),
      );
      return heartbeats;
    },

    async createRuntime(apiServerUrl: string): Promise<PodRuntime> {
      const common = {
        backoff: options.restartBackoff ?? { baseMs: 10_000, maxMs: 300_000 },
        addressesOf,
        allocatableOf: (node: string) => nodeCache.get(node)?.status?.allocatable ?? {},
        references,
        servicesOf: (namespace: string) => serviceCache.list(namespace),
        volumes: createVolumeContents({ client: kubelet.client, references, clock }),
        events,
        clock,
        changed: (key: string) => enqueuePod(key),
      };
      const simulated = () => createSimulatedRuntime({ ...common, readyDelayMs: options.podReadyDelayMs ?? 500 });
      if (options.runtime !== 'process' && options.runtime !== 'mixed') return simulated();
      const home = processHome(options);
      mkdirSync(home, { recursive: true, mode: 0o700 });
      const ownPool = options.runtime === 'mixed' ? createAddressPool(parseCidr(processRange(options))) : undefined;
      const processes = await createProcessRuntime({
        ...common,
        home,
        executables: options.executables ?? findExecutablesDirectory(),
        hostsFile: hostsFile(options),
        addressesOf: (node) => ownPool ?? addressesOf(node),
        hostIPOf: (node) => (options.runtime === 'mixed' ? '127.0.0.1' : (hostIPs.get(node) ?? '127.0.0.1')),
        apiServerUrl,
      });
      return options.runtime === 'mixed' ? createMixedRuntime(simulated(), processes) : processes;
    },

    createControllers(
      runtime: PodRuntime,
      podCidr: ReturnType<typeof parseCidr>,
      serviceCidr: ReturnType<typeof parseCidr>,
    ): { runnables: Runnable[]; proxy: ServiceProxy | undefined } {
      const podController = createKubelet({ ...kubelet, runtime, hostIPOf: (node) => hostIPs.get(node), isDown });
      enqueuePod = (key) => podController.enqueue(key);
      const runnables: Runnable[] = [
        ...choice.workloads.map(({ identity, component, create }) =>
          create(contextOf(controllerUser(identity), component), {
            restartBackoff: options.restartBackoff,
            nodeMonitorGraceMs,
            autoscalerPeriodMs: options.autoscalerPeriodMs,
            addressPrefix: loadBalancerPrefix(options.name),
            serviceCidr: formatCidr(serviceCidr),
          }),
        ),
        createPodScheduler(contextOf(schedulerUser, 'default-scheduler')),
        podController,
        { name: 'node-heartbeats', run: (signal) => this.heartbeats(runtime).run(signal) },
        createKubeControllers({
          client: clientOf(controllerManagerUser),
          informers,
          serviceAccountKey: pki.serviceAccountKey,
          rootCa: pki.ca.cert,
          controllers: choice.others,
          clock,
          logger,
        }),
      ];
      if (options.runtime !== 'process') return { runnables, proxy: undefined };
      const proxy = createServiceProxy({
        informers,
        podCidr,
        serviceCidr,
        apiServer: () => server.url.replace(/^https:\/\//, ''),
        hostsFile: hostsFile(options),
        logger,
      });
      return { runnables: [...runnables, proxy.controller], proxy };
    },
  };
}

const withoutInfo = (logger: Logger): Logger => ({
  ...logger,
  info: logger.debug,
  child: (fields) => withoutInfo(logger.child(fields)),
});

async function runAll(runnables: readonly Runnable[], signal: AbortSignal): Promise<void> {
  await Promise.all(runnables.map((runnable) => runnable.run(signal)));
}

function planNodes(options: KubeliteOptions, podCidr: ReturnType<typeof parseCidr>): NodeSpec[] {
  const count = options.nodes ?? 1;
  const podsPerNode = options.nodePods ?? 110;
  // Room for twice the pods, so that addresses of deleted pods are not reused at once; never less than Kubernetes' /24.
  const bits = Math.max(podCidr.bits, Math.min(24, 32 - Math.ceil(Math.log2(podsPerNode * 2 + 3))));
  if (count * 2 ** (32 - bits) > cidrSize(podCidr))
    throw new Error(`the pod range ${formatCidr(podCidr)} has no room for ${count} nodes of ${podsPerNode} pods`);
  const block = createHash('sha256').update(options.name).digest()[0] ?? 0;
  return Array.from({ length: count }, (_, index) => ({
    name: nodeName(options.name, index),
    controlPlane: index === 0,
    hostIP:
      options.runtime === 'process' ? '127.0.0.1' : formatAddress(((172 * 256 + 18) * 256 + block) * 256 + 2 + index),
    podCidr: formatCidr(subnet(podCidr, bits, index)),
    cpu: options.nodeCpu ?? '8',
    memory: options.nodeMemory ?? '32Gi',
    pods: podsPerNode,
    version: kubernetesVersion,
    runtimeVersion: '',
  }));
}

function servingNames(options: KubeliteOptions, bindAddress: string, serviceIP: string): string[] {
  const names = [
    'localhost',
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    'kubernetes.default.svc.cluster.local',
    '127.0.0.1',
    serviceIP,
    ...(options.tlsSans ?? []),
  ];
  if (bindAddress !== '0.0.0.0' && bindAddress !== '::') names.push(bindAddress);
  return [...new Set(names)];
}

const processHome = (options: KubeliteOptions): string => {
  if (options.processHome !== undefined) return options.processHome;
  if (options.dataDir === undefined) throw new Error('the process runtime needs a data directory or a process home');
  return join(options.dataDir, 'process');
};
const hostsFile = (options: KubeliteOptions): string => join(options.dataDir ?? processHome(options), 'hosts');
