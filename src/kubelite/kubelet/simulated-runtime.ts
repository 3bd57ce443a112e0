/**
 * A runtime without containers: a pod becomes Running and Ready after a set delay, keeps its address, and writes logs. What
 * else it is declared to do (end, fail, flap) stands in its annotations: simulated-profile.ts.
 *
 *   known ──delay, volumes and configuration there──▶ init containers in turn ──▶ running ──stop, or all ended──▶ stopped
 *
 * What it must know after a restart of the process stands in the pod's own status: running pods go on as they are.
 */
import type { Clock } from '../../apimachinery/clock.ts';
import { containerEnvironment } from './environment.ts';
import type { AddressPool } from './pod-addresses.ts';
import type { PodEvents } from './pod-events.ts';
import { dialSimulated } from './pod-responder.ts';
import { findMissingVolume, MissingReference, type ReferenceReader, readEnvironmentSources } from './references.ts';
import type { ContainerReport, PodReport, PodRuntime, ReadablePod } from './runtime.ts';
import { type Backoff, pullMessage, type RestartPolicy, SimulatedContainer } from './simulated-container.ts';
import { simulatedLogs } from './simulated-logs.ts';
import { containerProfile } from './simulated-profile.ts';
import { runCommand, type ShellWorld } from './streaming/simulated-shell.ts';
import { declaredUsage } from './usage.ts';

export interface SimulatedRuntimeOptions {
  /** From the kubelet's first look at a pod to Running, in ms. 0 leaves out the ContainerCreating step. */
  readyDelayMs: number;
  /** Between restarts of a container that ends again and again. */
  backoff: Backoff;
  addressesOf(node: string): AddressPool;
  references: ReferenceReader;
  events: PodEvents;
  clock: Clock;
}

interface SimulatedPod {
  uid: string;
  node: string;
  /** When it may start (ms). */
  dueAt: number;
  podIP?: string;
  hostNetwork: boolean;
  /** It has its address and volumes. */
  begun: boolean;
  stopped: boolean;
  /** Told to end; ended by then. */
  stopsAt?: number;
  /** Told once as an Event. */
  told?: string;
  init: SimulatedContainer[];
  main: SimulatedContainer[];
}

/** How often missing volumes and references are looked for again. */
const retryMs = 1000;
/**
 * Containers end so long after they are told to. `kubectl delete` reads the pod and only then begins to watch it: one that is gone
 * and made anew under the same name in between (a StatefulSet's) would be waited for without end.
 */
const longestStopMs = 300;

export function createSimulatedRuntime(options: SimulatedRuntimeOptions): PodRuntime {
  const { clock, events, references } = options;
  const pods = new Map<string, SimulatedPod>();

  const know = (pod: ReadablePod): SimulatedPod => {
    const uid = pod.metadata.uid ?? '';
    let known = pods.get(uid);
    if (known !== undefined) return known;
    const policy = (pod.spec?.restartPolicy ?? 'Always') as RestartPolicy;
    const container = (
      spec: NonNullable<ReadablePod['spec']>['containers'][number],
      role: 'main' | 'init' | 'sidecar',
    ) =>
      new SimulatedContainer(
        uid,
        spec,
        containerProfile(pod, spec, role),
        role === 'sidecar' ? 'Always' : role === 'init' && policy === 'Always' ? 'OnFailure' : policy,
        options.backoff,
        {
          started: () => events.started(pod, spec.image ?? ''),
          backingOff: () => events.backOff(pod, spec.name),
          killedByProbe: (probe) => {
            const kind = probe === 'liveness' ? 'Liveness' : 'Startup';
            events.unhealthy(pod, `${kind} probe failed: declared by annotation`);
            events.killingUnhealthy(pod, spec.name, probe);
          },
          pullFailed: () => events.imageFailed(pod, spec.image ?? '', pullMessage(spec.image ?? '')),
          pullBackingOff: () => events.imageBackOff(pod, spec.image ?? ''),
        },
      );
    known = {
      uid,
      node: pod.spec?.nodeName ?? '',
      dueAt: clock.now() + options.readyDelayMs,
      hostNetwork: pod.spec?.hostNetwork === true,
      begun: false,
      stopped: false,
      init: (pod.spec?.initContainers ?? []).map((spec) => container(spec, isSidecar(spec) ? 'sidecar' : 'init')),
      main: (pod.spec?.containers ?? []).map((spec) => container(spec, 'main')),
    };
    adopt(known, pod);
    pods.set(uid, known);
    return known;
  };

  /** Takes over a pod that ran before this process started. */
  const adopt = (known: SimulatedPod, pod: ReadablePod): void => {
    const podIP = pod.status?.podIP;
    if (podIP === undefined) return;
    if (!known.hostNetwork && !options.addressesOf(known.node).reserve(podIP)) return;
    known.podIP = podIP;
    known.begun = true;
    const stored = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
    for (const container of [...known.init, ...known.main]) {
      const status = stored.find(({ name }) => name === container.spec.name);
      if (status !== undefined) container.adopt(status);
    }
  };

  const report = (known: SimulatedPod, now: number, misconfigured?: string): PodReport => {
    const blocked = known.init.some((container) => !isPassed(container));
    const waiting = blocked ? 'PodInitializing' : 'ContainerCreating';
    const failing = { waiting: { reason: 'CreateContainerConfigError', message: misconfigured ?? '' } };
    const main = known.main.map((container) => container.report(now, waiting));
    const ofInit = (container: SimulatedContainer): ContainerReport => {
      const own = container.report(now, 'PodInitializing');
      return { ...own, ready: isSidecar(container.spec) ? own.ready : container.succeeded };
    };
    return {
      sandboxReady: known.begun && !known.stopped,
      ...(known.podIP === undefined ? {} : { podIP: known.podIP }),
      initContainers: known.init.map(ofInit),
      containers: misconfigured === undefined ? main : main.map((own) => ({ ...own, state: failing })),
    };
  };

  /** Init containers one after the other, sidecars among them; then the rest. When the main ones are done, sidecars end. */
  const advance = (known: SimulatedPod, now: number): void => {
    for (const container of known.init) {
      container.start(now);
      container.advance(now);
      if (!isPassed(container)) return;
    }
    for (const container of known.main) {
      container.start(now);
      container.advance(now);
    }
    if (known.main.every((container) => container.done)) {
      known.stopped = true;
      for (const container of known.init) container.stop(now);
    }
  };

  return {
    version: 'simulated://1.0.0',

    async sync(pod) {
      const known = know(pod);
      if (!known.begun) {
        const wait = known.dueAt - clock.now();
        if (wait > 0) return { ...report(known, clock.now()), lookAgainAfter: wait };
        const obstacle = await obstacleOf(pod, references);
        if (obstacle !== undefined) {
          if (known.told !== obstacle.message) {
            known.told = obstacle.message;
            if (obstacle.kind === 'volume') events.failedMount(pod, obstacle.message);
            else events.failed(pod, obstacle.message);
          }
          const message = obstacle.kind === 'configuration' ? obstacle.message : undefined;
          return { ...report(known, clock.now(), message), lookAgainAfter: retryMs };
        }
        if (!known.hostNetwork) known.podIP = options.addressesOf(known.node).allocate();
        known.begun = true;
      }
      const now = clock.now();
      if (!known.stopped) advance(known, now);
      const changes = [...known.init, ...known.main].map((container) => container.nextChange(now));
      const next = Math.min(...changes.filter((time): time is number => time !== undefined));
      const found = report(known, now);
      return Number.isFinite(next) ? { ...found, lookAgainAfter: next - now } : found;
    },

    async stop(pod, graceSeconds) {
      const known = know(pod);
      const now = clock.now();
      const containers = [...known.main, ...known.init];
      if (known.stopsAt === undefined) {
        for (const container of containers) if (container.running) events.killing(pod, container.spec.name);
        known.stopsAt = now + Math.min(options.readyDelayMs, longestStopMs, graceSeconds * 1000);
      }
      const left = known.stopsAt - now;
      if (left > 0 && containers.some(({ running }) => running)) return { ...report(known, now), lookAgainAfter: left };
      known.stopped = true;
      for (const container of containers) container.stop(now);
      return { ...report(known, now), lookAgainAfter: retryMs };
    },

    async remove(uid) {
      const known = pods.get(uid);
      if (known === undefined) return;
      pods.delete(uid);
      for (const container of [...known.main, ...known.init]) container.stop(clock.now());
      if (known.podIP !== undefined && !known.hostNetwork) options.addressesOf(known.node).release(known.podIP);
    },

    logs(pod, request) {
      const known = pods.get(pod.metadata.uid ?? '');
      const container = [...(known?.init ?? []), ...(known?.main ?? [])].find(
        ({ spec }) => spec.name === request.container,
      );
      if (container?.startedAt === undefined) return undefined;
      const run = container.restartCount;
      const previous = container.last;
      if (request.previous && previous === undefined) return undefined;
      const name = { container: container.spec.name, image: container.spec.image ?? '' };
      const podName = `${pod.metadata.namespace}/${pod.metadata.name}`;
      const startedAt = request.previous ? (previous?.startedAt ?? 0) : container.startedAt;
      const source = {
        pod: podName,
        ...name,
        startedAt,
        get finishedAt() {
          if (request.previous) return previous?.finishedAt;
          return container.restartCount === run ? container.ended?.finishedAt : container.last?.finishedAt;
        },
      };
      return simulatedLogs(source, request, clock);
    },

    dial: async (pod, port) => dialSimulated(pod, port),

    usage(pod) {
      const known = pods.get(pod.metadata.uid ?? '');
      const running = [...(known?.init ?? []), ...(known?.main ?? [])].filter((container) => container.running);
      return new Map(running.map(({ spec }) => [spec.name, declaredUsage(pod, spec.name)]));
    },

    async exec(pod, container, command, streams) {
      return runCommand(command, await worldOf(pod, container, options), streams);
    },

    async close() {
      pods.clear();
    },
  };
}

/** What can be seen from inside of a container. */
async function worldOf(
  pod: ReadablePod,
  container: string,
  { references, clock }: SimulatedRuntimeOptions,
): Promise<ShellWorld> {
  const spec = (pod.spec?.containers ?? []).find(({ name }) => name === container);
  const podIP = pod.status?.podIP ?? '';
  const hostname = pod.spec?.hostname ?? pod.metadata.name ?? '';
  const own = new Map([
    ['PATH', '/usr/local/bin:/usr/bin:/bin'],
    ['HOSTNAME', hostname],
    ['HOME', '/root'],
  ]);
  const given =
    spec === undefined
      ? []
      : await containerEnvironment(pod, spec, { podIP, hostIP: pod.status?.hostIP ?? '' }, references);
  const search = `${pod.metadata.namespace}.svc.cluster.local svc.cluster.local cluster.local`;
  const files = new Map([
    ['/etc/hostname', `${hostname}\n`],
    ['/etc/hosts', `127.0.0.1\tlocalhost\n${podIP}\t${hostname}\n`],
    ['/etc/resolv.conf', `search ${search}\noptions ndots:5\n`],
  ]);
  return { environment: new Map([...own, ...given]), hostname, files, clock };
}

const isSidecar = (spec: { readonly restartPolicy?: string }): boolean => spec.restartPolicy === 'Always';
/** What comes after the init container may start. */
const isPassed = (container: SimulatedContainer): boolean =>
  isSidecar(container.spec) ? container.startedAt !== undefined : container.succeeded;

type Obstacle = { kind: 'volume' | 'configuration'; message: string };

async function obstacleOf(pod: ReadablePod, references: ReferenceReader): Promise<Obstacle | undefined> {
  const missing = await findMissingVolume(pod, references);
  if (missing !== undefined)
    return { kind: 'volume', message: `MountVolume.SetUp failed for volume "${missing.volume}" : ${missing.message}` };
  try {
    for (const container of pod.spec?.containers ?? [])
      await readEnvironmentSources(pod.metadata.namespace ?? '', container, references);
  } catch (error) {
    if (error instanceof MissingReference) return { kind: 'configuration', message: error.message };
    throw error;
  }
  return undefined;
}
