/**
 * A runtime without containers: a pod becomes Running and Ready after a set delay, keeps its address, and writes logs. What
 * else it is declared to do (end, fail, flap) stands in its annotations: simulated-profile.ts.
 *
 *   known ──delay, volumes and configuration there──▶ init containers in turn ──▶ running ──stop, or all ended──▶ stopped
 *
 * What it must know after a restart of the process stands in the pod's own status: running pods go on as they are.
 */
import type { Clock } from '../../apimachinery/clock.ts';
import { findContainerStatus } from './choose-container.ts';
import type { AddressPool } from './pod-addresses.ts';
import { type PodEvents, podLabel } from './pod-events.ts';
import { dialSimulated } from './pod-responder.ts';
import { findMissingVolume, MissingReference, type ReferenceReader, readEnvironmentSources } from './references.ts';
import { restartsAfter } from './restarts.ts';
import type { ContainerReport, PodReport, PodRuntime, ReadablePod } from './runtime.ts';
import type { ServicesOf } from './service-variables.ts';
import { type Backoff, pullMessage, SimulatedContainer } from './simulated-container.ts';
import { simulatedLogs } from './simulated-logs.ts';
import { containerProfile, type Role } from './simulated-profile.ts';
import { type PodFiles, simulatedWorld } from './simulated-world.ts';
import { runCommand, type ShellWorld } from './streaming/simulated-shell.ts';
import { declaredUsage } from './usage.ts';
import type { VolumeContents } from './volume-contents.ts';

export interface SimulatedRuntimeOptions {
  /** From the kubelet's first look at a pod to Running, in ms. 0 leaves out the ContainerCreating step. */
  readyDelayMs: number;
  /** Between restarts of a container that ends again and again. */
  backoff: Backoff;
  addressesOf(node: string): AddressPool;
  /** Of a node. */
  allocatableOf(node: string): Readonly<Record<string, string>>;
  references: ReferenceReader;
  /** Of a namespace. */
  servicesOf: ServicesOf;
  volumes: VolumeContents;
  events: PodEvents;
  clock: Clock;
  /** The pod under this key (namespace/name) should be looked at. */
  changed(key: string): void;
}

type ContainerSpec = NonNullable<ReadablePod['spec']>['containers'][number];

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
  ephemeral?: SimulatedContainer[];
  /** What commands wrote. */
  files?: PodFiles;
}

/** How often missing volumes are looked for again. */
const retryMs = 1000;
/**
 * Containers end so long after they are told to. `kubectl delete` reads the pod and only then begins to watch it: one that is gone
 * and made anew under the same name in between (a StatefulSet's) would be waited for without end.
 */
const longestStopMs = 300;

export function createSimulatedRuntime(options: SimulatedRuntimeOptions): PodRuntime {
  const { clock, events, references } = options;
  const pods = new Map<string, SimulatedPod>();

  const createContainer = (pod: ReadablePod, spec: ContainerSpec, role: Role): SimulatedContainer => {
    const restarts = (exitCode: number): boolean => role !== 'ephemeral' && restartsAfter(pod, spec, exitCode);
    const profile = containerProfile(pod, spec, role);
    return new SimulatedContainer(pod.metadata.uid ?? '', spec, profile, restarts, options.backoff, {
      podLabel: () => podLabel(pod),
      started: () => events.started(pod, spec),
      backingOff: () => events.backOff(pod, spec),
      killedByProbe(probe) {
        const kind = probe === 'liveness' ? 'Liveness' : 'Startup';
        events.unhealthy(pod, spec, `${kind} probe failed: declared by annotation`);
        events.killingUnhealthy(pod, spec, probe);
      },
      notReady: () => events.unhealthy(pod, spec, 'Readiness probe failed: declared by annotation'),
      pullFailed: () => events.imageFailed(pod, spec, pullMessage(spec.image ?? '')),
      pullBackingOff: () => events.imageBackOff(pod, spec),
      blocked: (message) => events.failed(pod, spec, message),
    });
  };

  const know = (pod: ReadablePod): SimulatedPod => {
    const uid = pod.metadata.uid ?? '';
    let known = pods.get(uid);
    if (known !== undefined) return known;
    known = {
      uid,
      node: pod.spec?.nodeName ?? '',
      dueAt: clock.now() + options.readyDelayMs,
      hostNetwork: pod.spec?.hostNetwork === true,
      begun: false,
      stopped: false,
      init: (pod.spec?.initContainers ?? []).map((spec) =>
        createContainer(pod, spec, isSidecar(spec) ? 'sidecar' : 'init'),
      ),
      main: (pod.spec?.containers ?? []).map((spec) => createContainer(pod, spec, 'main')),
    };
    addEphemeral(known, pod);
    adopt(known, pod);
    pods.set(uid, known);
    return known;
  };

  /** They come while the pod runs, and stay. */
  const addEphemeral = (known: SimulatedPod, pod: ReadablePod): void => {
    for (const spec of pod.spec?.ephemeralContainers ?? []) {
      known.ephemeral ??= [];
      if (known.ephemeral.some((container) => container.spec.name === spec.name)) continue;
      known.ephemeral.push(createContainer(pod, spec as ContainerSpec, 'ephemeral'));
    }
  };

  /** Takes over a pod that ran before this process started. */
  const adopt = (known: SimulatedPod, pod: ReadablePod): void => {
    const podIP = pod.status?.podIP;
    if (podIP === undefined) return;
    if (!known.hostNetwork && !options.addressesOf(known.node).reserve(podIP)) return;
    known.podIP = podIP;
    known.begun = true;
    for (const container of allContainers(known)) {
      const status = findContainerStatus(pod, container.spec.name);
      if (status !== undefined) container.adopt(status);
    }
  };

  const report = (known: SimulatedPod, now: number): PodReport => {
    const blocked = known.init.some((container) => !isPassed(container));
    const waiting = blocked ? 'PodInitializing' : 'ContainerCreating';
    const ofInit = (container: SimulatedContainer): ContainerReport => {
      const own = container.report(now, 'PodInitializing');
      return { ...own, ready: isSidecar(container.spec) ? own.ready : container.succeeded };
    };
    return {
      sandboxReady: known.begun && !known.stopped,
      ...(known.podIP === undefined ? {} : { podIP: known.podIP }),
      initContainers: known.init.map(ofInit),
      ...(known.ephemeral === undefined
        ? {}
        : { ephemeralContainers: known.ephemeral.map((container) => container.report(now, 'ContainerCreating')) }),
      containers: known.main.map((container) => container.report(now, waiting)),
    };
  };

  /** Starts it for the first time, once what its environment refers to is there. */
  const startFirst = async (container: SimulatedContainer, pod: ReadablePod, now: number): Promise<void> => {
    if (container.startedAt !== undefined) return;
    const { env, envFrom } = container.spec;
    if (env !== undefined || envFrom !== undefined) container.block(await missingReference(pod, container.spec));
    container.start(now);
  };

  const missingReference = async (pod: ReadablePod, spec: ContainerSpec): Promise<string | undefined> => {
    try {
      await readEnvironmentSources(pod.metadata.namespace ?? '', spec, references);
      return undefined;
    } catch (error) {
      if (error instanceof MissingReference) return error.message;
      throw error;
    }
  };

  /** Init containers one after the other, sidecars among them; then the rest. When the main ones are done, sidecars end. */
  const advance = async (known: SimulatedPod, pod: ReadablePod, now: number): Promise<void> => {
    for (const container of known.ephemeral ?? []) {
      container.start(now);
      container.advance(now);
    }
    for (const container of known.init) {
      await startFirst(container, pod, now);
      container.advance(now);
      if (!isPassed(container)) return;
    }
    for (const container of known.main) {
      await startFirst(container, pod, now);
      container.advance(now);
    }
    if (known.main.every((container) => container.done)) {
      known.stopped = true;
      for (const container of [...known.init, ...(known.ephemeral ?? [])]) container.stop(now);
    }
  };

  const worldOf = (pod: ReadablePod, name: string): Promise<ShellWorld> => {
    const known = know(pod);
    const container = containerOf(known, name);
    if (container === undefined) throw new Error(`no container ${name}`);
    known.files ??= new Map();
    const facts = {
      podIP: pod.status?.podIP ?? '',
      hostIP: pod.status?.hostIP ?? '',
      allocatable: options.allocatableOf(known.node),
      startedAt: container.startedAt ?? clock.now(),
    };
    return simulatedWorld(pod, container.spec, container.restartCount, known.files, facts, options);
  };

  return {
    version: 'simulated://1.0.0',

    async sync(pod) {
      const known = know(pod);
      addEphemeral(known, pod);
      if (!known.begun) {
        const wait = known.dueAt - clock.now();
        if (wait > 0) return { ...report(known, clock.now()), lookAgainAfter: wait };
        const missing = await findMissingVolume(pod, references);
        if (missing !== undefined) {
          const message = `MountVolume.SetUp failed for volume "${missing.volume}" : ${missing.message}`;
          if (known.told !== message) events.failedMount(pod, message);
          known.told = message;
          return { ...report(known, clock.now()), lookAgainAfter: retryMs };
        }
        if (!known.hostNetwork) known.podIP = options.addressesOf(known.node).allocate();
        known.begun = true;
      }
      const now = clock.now();
      if (!known.stopped) await advance(known, pod, now);
      const changes = allContainers(known).map((container) => container.nextChange(now));
      const next = Math.min(...changes.filter((time): time is number => time !== undefined));
      const found = report(known, now);
      return Number.isFinite(next) ? { ...found, lookAgainAfter: next - now } : found;
    },

    async stop(pod, graceSeconds) {
      const known = know(pod);
      const now = clock.now();
      const containers = allContainers(known);
      const running = containers.filter((container) => container.running);
      if (known.stopsAt === undefined) {
        for (const container of running) events.killing(pod, container.spec);
        const hooks = running.map((container) => container.profile.preStopMs);
        known.stopsAt = now + Math.max(Math.min(options.readyDelayMs, longestStopMs), ...hooks);
      }
      known.stopsAt = Math.min(known.stopsAt, now + graceSeconds * 1000);
      const left = known.stopsAt - now;
      if (left > 0 && running.length > 0) return { ...report(known, now), lookAgainAfter: left };
      known.stopped = true;
      for (const container of containers) container.stop(now);
      return { ...report(known, now), lookAgainAfter: retryMs };
    },

    async remove(uid) {
      const known = pods.get(uid);
      if (known === undefined) return;
      pods.delete(uid);
      for (const container of allContainers(known)) container.stop(clock.now());
      if (known.podIP !== undefined && !known.hostNetwork) options.addressesOf(known.node).release(known.podIP);
    },

    logs(pod, request) {
      const known = pods.get(pod.metadata.uid ?? '');
      const container = known && containerOf(known, request.container);
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
      const running = known === undefined ? [] : allContainers(known).filter((container) => container.running);
      return new Map(running.map(({ spec }) => [spec.name, declaredUsage(pod, spec.name)]));
    },

    async exec(pod, container, command, streams) {
      return runCommand(command, await worldOf(pod, container), streams);
    },

    async attach(pod, name, streams) {
      const known = know(pod);
      const container = containerOf(known, name);
      const { command = [], args = [], stdinOnce } = container?.spec ?? {};
      const words = [...command, ...args];
      const code = await runCommand(words.length === 0 ? ['sh'] : words, await worldOf(pod, name), streams);
      // Others may attach again, unless the container reads from the first one only.
      if (container === undefined || (streams.signal.aborted && stdinOnce !== true)) return;
      container.finish(clock.now(), code);
      options.changed(`${pod.metadata.namespace}/${pod.metadata.name}`);
    },

    async close() {
      pods.clear();
    },
  };
}

const allContainers = ({ init, main, ephemeral }: SimulatedPod): SimulatedContainer[] => [
  ...main,
  ...init,
  ...(ephemeral ?? []),
];
const containerOf = (known: SimulatedPod, name: string): SimulatedContainer | undefined =>
  allContainers(known).find(({ spec }) => spec.name === name);
const isSidecar = (spec: { readonly restartPolicy?: string }): boolean => spec.restartPolicy === 'Always';
/** What comes after the init container may start. */
const isPassed = (container: SimulatedContainer): boolean =>
  isSidecar(container.spec) ? container.startedAt !== undefined : container.succeeded;
