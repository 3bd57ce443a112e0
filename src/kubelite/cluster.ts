/** A cluster in this process: its store and API server, and the parts (cluster-parts.ts) that make a cluster of it. */
import { setMaxListeners } from 'node:events';
import { join } from 'node:path';
import { systemClock } from '../apimachinery/clock.ts';
import { internalError, statusFailure } from '../apimachinery/status-error.ts';
import { createApiServer } from '../apiserver/server.ts';
import type { Client } from '../client/client.ts';
import { silentLogger } from '../component/logging.ts';
import type { Runnable } from '../controller/manager.ts';
import { pods } from '../kubernetes/resource-types.ts';
import { openEmbeddedStore } from '../storage/embedded/embedded-store.ts';
import { createMemoryStore } from '../storage/memory/memory-store.ts';
import { choosePort, rememberPort, writeKubeconfig } from './cluster-address.ts';
import { planNodes } from './cluster-nodes.ts';
import { defaultRanges, type KubeliteOptions, kubernetesVersion, processHome } from './cluster-options.ts';
import { createParts } from './cluster-parts.ts';
import { ensureClusterPki } from './cluster-pki.ts';
import { chooseControllers } from './controller-choice.ts';
import { ensureProviderRights } from './controllers/provider-rights.ts';
import { claimDataDirectory, makeDataDirectory } from './data-directory.ts';
import { ensureMetricsReader, ensureNodeRights } from './identities.ts';
import { formatAddress, formatCidr, parseCidr } from './kubelet/pod-addresses.ts';
import { createPodLogHandler } from './kubelet/pod-log-handler.ts';
import { removeStalePodDirectories } from './kubelet/process-runtime.ts';
import type { PodRuntime } from './kubelet/runtime.ts';
import { createPodStreamHandlers } from './kubelet/streaming/pod-streams.ts';
import { createPortForwardHandler } from './kubelet/streaming/port-forward.ts';
import { createMetricsApi, type MetricsSources } from './metrics-api.ts';
import { createResourceProxies, type ProxySources } from './resource-proxy.ts';

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
  if (dataDir !== undefined) makeDataDirectory(dataDir);

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
    if (dataDir !== undefined) claimDataDirectory(dataDir, options.name);
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

async function runAll(runnables: readonly Runnable[], signal: AbortSignal): Promise<void> {
  await Promise.all(runnables.map((runnable) => runnable.run(signal)));
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
