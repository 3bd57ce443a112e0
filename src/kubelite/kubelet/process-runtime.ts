/**
 * Runs pods whose images name this project's own components as local processes: an address of its own in 127.0.0.0/8 for each
 * pod, volumes as folders, probes, restarts with back-off, logs. Off unless it is asked for.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '../../apimachinery/clock.ts';
import { ConfigError } from './command-line.ts';
import { executableOf, unknownExecutable } from './executables.ts';
import { endLeftovers, recordProcesses } from './leftovers.ts';
import { listensOn } from './own-ports.ts';
import type { AddressPool } from './pod-addresses.ts';
import type { PodEvents } from './pod-events.ts';
import type { PodFacts } from './pod-facts.ts';
import { refused } from './pod-responder.ts';
import { createProcessContainer, type ProcessContainer } from './process-container.ts';
import { execInProcessPod } from './process-exec.ts';
import { type LaunchOptions, processLaunch } from './process-launch.ts';
import { MissingReference } from './references.ts';
import { restartsAfter } from './restarts.ts';
import type { ContainerReport, PodReport, PodRuntime, ReadablePod } from './runtime.ts';
import type { Usage } from './usage.ts';
import { type VolumeContents, VolumeError } from './volume-contents.ts';
import { containerMounts, createVolumeManager } from './volumes.ts';

export interface ProcessRuntimeOptions extends LaunchOptions {
  /** Everything of the pods is kept under it; hostPath volumes must lie in it. */
  home: string;
  addressesOf(node: string): AddressPool;
  hostIPOf(node: string): string;
  backoff: { baseMs: number; maxMs: number };
  /** Of a node. */
  allocatableOf(node: string): Readonly<Record<string, string>>;
  volumes: VolumeContents;
  events: PodEvents;
  clock: Clock;
  /** The pod under this key (namespace/name) should be looked at. */
  changed(key: string): void;
}

interface ProcessPod {
  uid: string;
  key: string;
  node: string;
  directory: string;
  podIP: string;
  ownAddress: boolean;
  init: ProcessContainer[];
  main: ProcessContainer[];
  told: Set<string>;
  /** Others may need it until they have stopped. */
  critical: boolean;
  /** Image failures: shown as ErrImagePull once, then as back-off. */
  imageFailures: number;
}

type Container = NonNullable<ReadablePod['spec']>['containers'][number];
type Waiting = { reason: string; message?: string };

const retryMs = 1000;
/** Volumes follow their ConfigMaps and Secrets at the next look. */
const volumeRefreshMs = 60_000;

export async function createProcessRuntime(options: ProcessRuntimeOptions): Promise<PodRuntime> {
  const { clock, events } = options;
  const podsDirectory = join(options.home, 'pods');
  const recordFile = join(options.home, 'processes.json');
  mkdirSync(podsDirectory, { recursive: true, mode: 0o700 });
  await endLeftovers(recordFile, clock);
  recordProcesses(recordFile, []);
  const volumes = createVolumeManager(options.home, options.volumes);
  const pods = new Map<string, ProcessPod>();
  let closing = false;

  const record = (): void => {
    const all = [...pods.values()].flatMap((pod) => [...pod.init, ...pod.main]);
    recordProcesses(
      recordFile,
      all.flatMap((container) => (container.identity === undefined ? [] : [container.identity])),
    );
  };

  function know(pod: ReadablePod): ProcessPod {
    const uid = pod.metadata.uid ?? '';
    const existing = pods.get(uid);
    if (existing !== undefined) return existing;
    const node = pod.spec?.nodeName ?? '';
    const { namespace, name } = pod.metadata;
    const hostNetwork = pod.spec?.hostNetwork === true;
    const before = pod.status?.podIP;
    const pool = options.addressesOf(node);
    const podIP = hostNetwork
      ? options.hostIPOf(node)
      : before !== undefined && pool.reserve(before)
        ? before
        : pool.allocate();
    const directory = join(podsDirectory, `${namespace}_${name}_${uid}`);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const known: ProcessPod = {
      uid,
      key: `${namespace}/${name}`,
      node,
      directory,
      podIP,
      ownAddress: !hostNetwork,
      init: [],
      main: [],
      told: new Set(),
      critical: criticalClasses.includes(pod.spec?.priorityClassName ?? ''),
      imageFailures: 0,
    };
    const make = (spec: Container, init: boolean): ProcessContainer => {
      const container = createProcessContainer({
        spec,
        init,
        logDirectory: join(directory, 'logs', spec.name),
        podIP,
        backoff: options.backoff,
        clock,
        events,
        changed: () => {
          if (!closing) options.changed(known.key);
        },
        record,
      });
      adopt(container, pod);
      return container;
    };
    known.init = (pod.spec?.initContainers ?? []).map((spec) => make(spec as Container, true));
    known.main = (pod.spec?.containers ?? []).map((spec) => make(spec, false));
    pods.set(uid, known);
    return known;
  }

  /** A container that an earlier kubelite ran ended with it: the next run counts as a restart. */
  function adopt(container: ProcessContainer, pod: ReadablePod): void {
    const statuses = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
    const before = statuses.find((status) => status.name === container.name);
    if (before?.containerID === undefined) return;
    const startedAt = before.state?.running?.startedAt ?? before.state?.terminated?.startedAt;
    container.adopt(before.restartCount + 1, {
      exitCode: before.state?.terminated?.exitCode ?? 255,
      reason: before.state?.terminated?.reason ?? 'Unknown',
      startedAt: startedAt === undefined ? 0 : Date.parse(String(startedAt)),
      finishedAt: clock.now(),
      containerId: before.containerID,
    });
  }

  const factsOf = ({ podIP, node }: ProcessPod): PodFacts => ({
    podIP,
    hostIP: options.hostIPOf(node),
    allocatable: options.allocatableOf(node),
  });

  const launchOf = (pod: ReadablePod, known: ProcessPod, spec: Container, folders: ReadonlyMap<string, string>) =>
    processLaunch(options, pod, spec, { ...known, facts: factsOf(known), folders });

  /** Starts what may start now. Returns what the containers that have not started are waiting for. */
  async function advance(pod: ReadablePod, known: ProcessPod): Promise<{ waiting: Waiting; lookAgainAfter?: number }> {
    const creating = { reason: known.init.length > 0 ? 'PodInitializing' : 'ContainerCreating' };
    const specs = [...((pod.spec?.initContainers ?? []) as readonly Container[]), ...(pod.spec?.containers ?? [])];
    const unknown = specs.find((spec) => executableOf(spec) === undefined);
    if (unknown !== undefined) return imageFailure(pod, known, unknown);

    let folders: ReadonlyMap<string, string>;
    try {
      folders = await volumes.setUp(pod, known.directory, factsOf(known));
    } catch (error) {
      if (!(error instanceof VolumeError) && !(error instanceof ConfigError)) throw error;
      tellOnce(known, error.message, () => events.failedMount(pod, error.message));
      return { waiting: creating, lookAgainAfter: retryMs };
    }

    const again = ({ exitCode = 0 }: ProcessContainer, spec: Container) => restartsAfter(pod, spec, exitCode);
    let soonest = (pod.spec?.volumes ?? []).length > 0 ? volumeRefreshMs : Number.POSITIVE_INFINITY;
    let obstacle: Waiting | undefined;
    const startIfDue = async (container: ProcessContainer, spec: Container, again: boolean): Promise<void> => {
      if (container.running || (container.exitCode !== undefined && !again)) return;
      const wait = container.startIn();
      if (wait > 0) {
        soonest = Math.min(soonest, wait);
        return;
      }
      try {
        const launch = await launchOf(pod, known, spec, folders);
        if (!closing && pods.get(known.uid) === known) container.start(pod, launch);
      } catch (error) {
        if (!(error instanceof MissingReference) && !(error instanceof ConfigError) && !(error instanceof VolumeError))
          throw error;
        tellOnce(known, error.message, () => events.failed(pod, spec, error.message));
        obstacle = { reason: 'CreateContainerConfigError', message: error.message };
        soonest = Math.min(soonest, retryMs);
      }
    };

    for (const [index, container] of known.init.entries()) {
      if (container.exitCode === 0) continue;
      const spec = pod.spec?.initContainers?.[index] as Container | undefined;
      if (spec !== undefined) await startIfDue(container, spec, again(container, spec));
      return withLook(obstacle ?? creating, soonest);
    }
    for (const [index, container] of known.main.entries()) {
      const spec = pod.spec?.containers[index];
      if (spec !== undefined) await startIfDue(container, spec, again(container, spec));
    }
    return withLook(obstacle ?? { reason: 'ContainerCreating' }, soonest);
  }

  function imageFailure(
    pod: ReadablePod,
    known: ProcessPod,
    spec: Container,
  ): { waiting: Waiting; lookAgainAfter?: number } {
    const message = unknownExecutable(spec);
    known.imageFailures++;
    if (known.imageFailures === 1) {
      events.imageFailed(pod, spec, message);
      return { waiting: { reason: 'ErrImagePull', message }, lookAgainAfter: retryMs };
    }
    tellOnce(known, 'image', () => events.imageBackOff(pod, spec));
    return {
      waiting: {
        reason: 'ImagePullBackOff',
        message: `Back-off pulling image "${spec.image}": ErrImagePull: ${message}`,
      },
    };
  }

  function reportOf(pod: ReadablePod, known: ProcessPod, waiting: Waiting): PodReport {
    const part = (containers: readonly ProcessContainer[]): ContainerReport[] =>
      containers.map((container) => container.report(pod, waiting));
    const added = (pod.spec?.ephemeralContainers ?? []).map(({ name }) => ({ name, ...notAdded }));
    return {
      sandboxReady: true,
      podIP: known.podIP,
      initContainers: part(known.init),
      containers: part(known.main),
      ...(added.length === 0 ? {} : { ephemeralContainers: added }),
    };
  }

  return {
    version: 'process://1.0.0',

    async sync(pod) {
      const known = know(pod);
      const { waiting, lookAgainAfter } = await advance(pod, known);
      const report = reportOf(pod, known, waiting);
      return lookAgainAfter === undefined ? report : { ...report, lookAgainAfter };
    },

    async stop(pod, graceSeconds) {
      const known = know(pod);
      for (const container of [...known.init, ...known.main]) container.stop(pod, graceSeconds * 1000);
      return reportOf(pod, known, { reason: 'ContainerCreating' });
    },

    async remove(uid) {
      const known = pods.get(uid);
      if (known === undefined) return;
      pods.delete(uid);
      const containers = [...known.init, ...known.main];
      for (const container of containers) container.kill();
      while (containers.some((container) => container.running)) await clock.sleep(10);
      record();
      options.volumes.forget(uid);
      if (known.ownAddress) options.addressesOf(known.node).release(known.podIP);
      rmSync(known.directory, { recursive: true, force: true });
    },

    logs(pod, request) {
      const known = pods.get(pod.metadata.uid ?? '');
      return [...(known?.init ?? []), ...(known?.main ?? [])]
        .find((container) => container.name === request.container)
        ?.logs(request);
    },

    async exec(pod, name, command, streams) {
      const known = know(pod);
      const spec = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].find(
        (container) => container.name === name,
      );
      if (spec === undefined) throw new Error(`no container ${name}`);
      const folders = await volumes.setUp(pod, known.directory, factsOf(known));
      const launch = await launchOf(pod, known, spec as Container, folders);
      const hostname = pod.metadata.name ?? '';
      const { executables, hostsFile } = options;
      const root = new Map([
        ['etc/hostname', Buffer.from(`${hostname}\n`)],
        ['etc/hosts', existsSync(hostsFile) ? readFileSync(hostsFile) : Buffer.alloc(0)],
      ]);
      const mounts = containerMounts(spec as Container, folders);
      return execInProcessPod(command, { launch, mounts, executables, hostname, root, clock }, streams);
    },

    async dial(pod, port) {
      const known = pods.get(pod.metadata.uid ?? '');
      const pids = (known?.main ?? []).flatMap(({ identity }) => (identity === undefined ? [] : [identity.pid]));
      // Whoever listens on all addresses of this host would answer at the pod's as well.
      if (known === undefined || !listensOn(pids, port)) throw refused(port);
      return connectTo(known.podIP, port);
    },

    usage(pod) {
      const known = pods.get(pod.metadata.uid ?? '');
      const used = new Map<string, Usage>();
      for (const container of [...(known?.init ?? []), ...(known?.main ?? [])]) {
        const usage = container.usage();
        if (usage !== undefined) used.set(container.name, usage);
      }
      return used;
    },

    async close() {
      closing = true;
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: {} } as ReadablePod;
      // As a node that shuts down gracefully: critical pods last, so that a component can still give up its Lease.
      for (const critical of [false, true]) {
        const containers = [...pods.values()]
          .filter((known) => known.critical === critical)
          .flatMap((known) => [...known.init, ...known.main]);
        for (const container of containers) container.stop(pod, closeGraceMs);
        while (containers.some((container) => container.running)) await clock.sleep(10);
      }
      recordProcesses(recordFile, []);
    },
  };

  function tellOnce(known: ProcessPod, what: string, tell: () => void): void {
    if (known.told.has(what)) return;
    known.told.add(what);
    tell();
  }
}

function connectTo(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
  });
}

/** Kubelite itself is given 15 s to stop, so its pods get less than their own grace: so long for critical ones, so long for the others. */
const closeGraceMs = 5000;
const criticalClasses = ['system-cluster-critical', 'system-node-critical'];

/** What stands for a container that `kubectl debug` wants. */
const notAdded = {
  state: { waiting: { reason: 'CreateContainerConfigError', message: 'a process pod takes no further containers' } },
  restartCount: 0,
  ready: false,
  started: false,
  containerId: '',
};

const withLook = (waiting: Waiting, soonest: number): { waiting: Waiting; lookAgainAfter?: number } =>
  Number.isFinite(soonest) ? { waiting, lookAgainAfter: soonest } : { waiting };

/** Folders of pods that are not in this list of uids: left behind when pods were deleted while nothing ran. */
export function removeStalePodDirectories(home: string, uids: ReadonlySet<string>): void {
  const podsDirectory = join(home, 'pods');
  for (const entry of readdirSync(podsDirectory, { withFileTypes: true })) {
    const uid = entry.name.slice(entry.name.lastIndexOf('_') + 1);
    if (entry.isDirectory() && !uids.has(uid))
      rmSync(join(podsDirectory, entry.name), { recursive: true, force: true });
  }
}
