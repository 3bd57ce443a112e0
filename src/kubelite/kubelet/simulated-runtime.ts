/**
 * A runtime without containers: a pod becomes Running and Ready after a set delay, keeps its address, and writes logs.
 *
 *   known ──delay, volumes and configuration there──▶ running ──stop──▶ stopped
 *
 * What it must know after a restart of the process stands in the pod's own status: running pods go on as they are.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../apimachinery/clock.ts';
import { containerEnvironment } from './environment.ts';
import type { AddressPool } from './pod-addresses.ts';
import type { PodEvents } from './pod-events.ts';
import { findMissingVolume, MissingReference, type ReferenceReader, readEnvironmentSources } from './references.ts';
import type { ContainerReport, ContainerState, PodReport, PodRuntime, ReadablePod } from './runtime.ts';
import { type SimulatedContainer, simulatedLogs } from './simulated-logs.ts';
import { runCommand, type ShellWorld } from './streaming/simulated-shell.ts';

export interface SimulatedRuntimeOptions {
  /** From the kubelet's first look at a pod to Running, in ms. 0 leaves out the ContainerCreating step. */
  readyDelayMs: number;
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
  startedAt?: number;
  finishedAt?: number;
  /** Told once as an Event. */
  told?: string;
  /** Log readers look here for the end of the container. */
  logSources: SimulatedContainer[];
}

/** How often missing volumes and references are looked for again. */
const retryMs = 1000;

export function createSimulatedRuntime(options: SimulatedRuntimeOptions): PodRuntime {
  const { clock, events, references } = options;
  const pods = new Map<string, SimulatedPod>();

  const know = (pod: ReadablePod): SimulatedPod => {
    const uid = pod.metadata.uid ?? '';
    let known = pods.get(uid);
    if (known !== undefined) return known;
    known = {
      uid,
      node: pod.spec?.nodeName ?? '',
      dueAt: clock.now() + options.readyDelayMs,
      hostNetwork: pod.spec?.hostNetwork === true,
      logSources: [],
    };
    adopt(known, pod);
    pods.set(uid, known);
    return known;
  };

  /** Takes over a pod that ran before this process started. */
  const adopt = (known: SimulatedPod, pod: ReadablePod): void => {
    const podIP = pod.status?.podIP;
    const running = pod.status?.containerStatuses?.find((container) => container.state?.running !== undefined);
    if (running === undefined || podIP === undefined) return;
    if (!known.hostNetwork && !options.addressesOf(known.node).reserve(podIP)) return;
    known.podIP = podIP;
    known.startedAt = Date.parse(String(running.state?.running?.startedAt));
    known.logSources = sourcesOf(pod, known.startedAt);
  };

  const start = (known: SimulatedPod, pod: ReadablePod): void => {
    if (!known.hostNetwork) known.podIP = options.addressesOf(known.node).allocate();
    known.startedAt = clock.now();
    known.logSources = sourcesOf(pod, known.startedAt);
    for (const container of pod.spec?.containers ?? []) events.started(pod, container.image ?? '');
  };

  return {
    version: 'simulated://1.0.0',

    async sync(pod) {
      const known = know(pod);
      if (known.startedAt === undefined) {
        const wait = known.dueAt - clock.now();
        if (wait > 0) return waitingReport(pod, known, wait);
        const obstacle = await obstacleOf(pod, references);
        if (obstacle !== undefined) {
          if (known.told !== obstacle.message) {
            known.told = obstacle.message;
            if (obstacle.kind === 'volume') events.failedMount(pod, obstacle.message);
            else events.failed(pod, obstacle.message);
          }
          return waitingReport(pod, known, retryMs, obstacle.kind === 'configuration' ? obstacle.message : undefined);
        }
        start(known, pod);
      }
      return runningReport(pod, known, clock.now());
    },

    async stop(pod) {
      const known = know(pod);
      if (known.startedAt !== undefined && known.finishedAt === undefined) {
        known.finishedAt = clock.now();
        for (const source of known.logSources) source.finishedAt = known.finishedAt;
        for (const container of pod.spec?.containers ?? []) events.killing(pod, container.name);
      }
      return stoppedReport(pod, known);
    },

    async remove(uid) {
      const known = pods.get(uid);
      if (known === undefined) return;
      pods.delete(uid);
      for (const source of known.logSources) source.finishedAt ??= clock.now();
      if (known.podIP !== undefined && !known.hostNetwork) options.addressesOf(known.node).release(known.podIP);
    },

    logs(pod, request) {
      const known = pods.get(pod.metadata.uid ?? '');
      const source = known?.logSources.find((candidate) => candidate.container === request.container);
      if (source === undefined || request.previous) return undefined;
      return simulatedLogs(source, request, clock);
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

function sourcesOf(pod: ReadablePod, startedAt: number): SimulatedContainer[] {
  return [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].map((container) => ({
    pod: `${pod.metadata.namespace}/${pod.metadata.name}`,
    container: container.name,
    image: container.image ?? '',
    startedAt,
  }));
}

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

function reportWith(
  pod: ReadablePod,
  known: SimulatedPod,
  init: (name: string) => Partial<ContainerReport> & { state: ContainerState },
  main: (name: string) => Partial<ContainerReport> & { state: ContainerState },
): PodReport {
  const complete = (name: string, part: Partial<ContainerReport> & { state: ContainerState }): ContainerReport => ({
    name,
    restartCount: 0,
    ready: false,
    started: false,
    containerId: '',
    ...part,
  });
  return {
    sandboxReady: known.startedAt !== undefined && known.finishedAt === undefined,
    ...(known.podIP === undefined ? {} : { podIP: known.podIP }),
    initContainers: (pod.spec?.initContainers ?? []).map(({ name }) => complete(name, init(name))),
    containers: (pod.spec?.containers ?? []).map(({ name }) => complete(name, main(name))),
  };
}

function waitingReport(pod: ReadablePod, known: SimulatedPod, wait: number, misconfigured?: string): PodReport {
  const hasInit = (pod.spec?.initContainers ?? []).length > 0;
  const waiting = { state: { waiting: { reason: hasInit ? 'PodInitializing' : 'ContainerCreating' } } };
  const failing = { state: { waiting: { reason: 'CreateContainerConfigError', message: misconfigured ?? '' } } };
  const report = reportWith(
    pod,
    known,
    () => waiting,
    () => (misconfigured === undefined ? waiting : failing),
  );
  return { ...report, lookAgainAfter: wait };
}

function runningReport(pod: ReadablePod, known: SimulatedPod, now: number): PodReport {
  const startedAt = known.startedAt ?? now;
  let lookAgainAfter: number | undefined;
  const report = reportWith(pod, known, finishedInit(known, startedAt), (name) => {
    const spec = pod.spec?.containers.find((container) => container.name === name);
    // Probes are taken as passing, but not before they would first be asked.
    const readyAt = startedAt + (spec?.readinessProbe?.initialDelaySeconds ?? 0) * 1000;
    const startup = startedAt + (spec?.startupProbe?.initialDelaySeconds ?? 0) * 1000;
    const due = Math.max(readyAt, startup);
    if (due > now) lookAgainAfter = Math.min(lookAgainAfter ?? Number.POSITIVE_INFINITY, due - now);
    return {
      state: { running: { startedAt } },
      ready: due <= now,
      started: startup <= now,
      containerId: containerId(known.uid, name),
    };
  });
  return lookAgainAfter === undefined ? report : { ...report, lookAgainAfter };
}

function stoppedReport(pod: ReadablePod, known: SimulatedPod): PodReport {
  const { startedAt, finishedAt } = known;
  if (startedAt === undefined || finishedAt === undefined) return waitingReport(pod, known, retryMs);
  return reportWith(pod, known, finishedInit(known, startedAt), (name) => ({
    state: {
      terminated: {
        exitCode: 0,
        reason: 'Completed',
        startedAt,
        finishedAt,
        containerId: containerId(known.uid, name),
      },
    },
    containerId: containerId(known.uid, name),
  }));
}

const finishedInit = (known: SimulatedPod, startedAt: number) => (name: string) => ({
  state: {
    terminated: {
      exitCode: 0,
      reason: 'Completed',
      startedAt,
      finishedAt: startedAt,
      containerId: containerId(known.uid, name),
    },
  },
  ready: true,
  containerId: containerId(known.uid, name),
});

/** The same after a restart of the process, so that an adopted pod's status does not change. */
function containerId(uid: string, name: string): string {
  return `containerd://${createHash('sha256').update(`${uid}/${name}`).digest('hex')}`;
}
