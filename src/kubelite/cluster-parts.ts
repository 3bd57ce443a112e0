/** What makes a cluster of an API server: caches, controllers, scheduler, kubelet, service proxy. Nothing runs yet. */
import { mkdirSync } from 'node:fs';
import type { Clock } from '../apimachinery/clock.ts';
import type { UserInfo } from '../apiserver/authentication/user-info.ts';
import type { ApiServer } from '../apiserver/server.ts';
import { type Client, createClient } from '../client/client.ts';
import type { InformerFactory } from '../client/informer.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import type { Logger } from '../component/logging.ts';
import { createEventPace, createWorkLoad } from '../controller/event-pace.ts';
import { createEventRecorder, type EventRecorder } from '../controller/event-recorder.ts';
import type { Runnable } from '../controller/manager.ts';
import { createKubeControllers } from '../kube-controllers/kube-controllers.ts';
import { endpointSlices, nodes, pods, services } from '../kubernetes/resource-types.ts';
import type { EndpointSlice, Node, Pod, Service } from '../kubernetes/types.ts';
import { hostsFile, type KubeliteOptions, loadBalancerPrefix, processHome, processRange } from './cluster-options.ts';
import type { ClusterPki } from './cluster-pki.ts';
import type { ControllerChoice } from './controller-choice.ts';
import type { ControllerContext } from './controllers/controller-context.ts';
import { controllerManagerUser, controllerUser, nodeUser, schedulerUser } from './identities.ts';
import { findExecutablesDirectory } from './kubelet/executables.ts';
import { createKubelet } from './kubelet/kubelet.ts';
import { createMixedRuntime } from './kubelet/mixed-runtime.ts';
import { createNodeHeartbeats, defaultGraceMs, downAnnotation, leasePeriodMs } from './kubelet/node-heartbeats.ts';
import { type NodeSpec, pressureAnnotation } from './kubelet/node-status.ts';
import { type AddressPool, createAddressPool, formatCidr, parseCidr } from './kubelet/pod-addresses.ts';
import { createPodEvents } from './kubelet/pod-events.ts';
import { createProcessRuntime } from './kubelet/process-runtime.ts';
import { createReferenceReader } from './kubelet/references.ts';
import type { PodRuntime } from './kubelet/runtime.ts';
import { createSimulatedRuntime } from './kubelet/simulated-runtime.ts';
import { createVolumeContents } from './kubelet/volume-contents.ts';
import { createNodeOverhead, type MetricsSources } from './metrics-api.ts';
import { nodeDocument } from './node-documents.ts';
import { createPodScheduler } from './pod-scheduler/pod-scheduler.ts';
import type { ProxySources } from './resource-proxy.ts';
import { createServiceProxy, type ServiceProxy } from './service-proxy.ts';

/** The clusters of a process share its processor: what is behind in one of them is what all have to do. */
const load = createWorkLoad();
const pace = createEventPace(load);

interface PartsOptions {
  options: KubeliteOptions;
  choice: ControllerChoice;
  server: ApiServer;
  pki: ClusterPki;
  clock: Clock;
  logger: Logger;
  nodeSpecs: readonly NodeSpec[];
}

export function createParts({ options, choice, server, pki, clock, nodeSpecs, ...rest }: PartsOptions) {
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
    const recorder = createEventRecorder(client, component, { clock, logger, pace });
    recorders.push(recorder);
    return {
      informers,
      client,
      clock,
      load,
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
  const references = createReferenceReader(kubelet.client, clock);
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
