/** A pod's status as a function of what its runtime reports and of the status stored before. */
import { createHash } from 'node:crypto';
import { formatTime } from '../../apimachinery/clock.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import type { Pod } from '../../kubernetes/types.ts';
import { restartsAfter } from './restarts.ts';
import {
  type ContainerReport,
  type ContainerState,
  isRunning,
  isTerminated,
  type PodReport,
  type ReadablePod,
  type TerminatedState,
} from './runtime.ts';

export type PodStatus = NonNullable<Pod['status']> & { observedGeneration?: number };
type ContainerStatus = NonNullable<PodStatus['containerStatuses']>[number];
type PodCondition = NonNullable<PodStatus['conditions']>[number] & { observedGeneration?: number };

interface Verdict {
  type: string;
  ok: boolean;
  reason?: string;
  message?: string;
}

const ownConditions = ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled'];

/** `now` in milliseconds. `failure` ends the pod whatever its containers say. */
export function podStatus(
  pod: ReadablePod,
  report: PodReport,
  hostIP: string,
  now: number,
  failure?: { reason: string; message: string },
): PodStatus {
  const before = pod.status as PodStatus | undefined;
  const phase = failure === undefined ? podPhase(pod, report) : 'Failed';
  const { observedGeneration: _, ...kept } = before ?? {};
  const status: PodStatus = { ...kept, ...failure, phase, hostIP, hostIPs: [{ ip: hostIP }] };
  if (pod.metadata.generation !== undefined) status.observedGeneration = pod.metadata.generation;
  status.startTime = before?.startTime ?? formatTime(now);
  if (report.podIP !== undefined) {
    status.podIP = report.podIP;
    status.podIPs = [{ ip: report.podIP }];
  }
  status.conditions = conditionsOf(pod, phase, report, now);
  status.containerStatuses = report.containers
    .map((container) => containerStatus(container, pod.spec?.containers))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  if (report.initContainers.length > 0)
    status.initContainerStatuses = report.initContainers.map((container) =>
      containerStatus(container, pod.spec?.initContainers),
    );
  if (report.ephemeralContainers !== undefined)
    status.ephemeralContainerStatuses = report.ephemeralContainers.map((container) =>
      containerStatus(container, pod.spec?.ephemeralContainers),
    );
  return status;
}

function podPhase(pod: ReadablePod, report: PodReport): string {
  const { containers = [], initContainers = [] } = pod.spec ?? {};
  const startsAgain = (specs: readonly { readonly name: string }[], container: ContainerReport): boolean => {
    const spec = specs.find(({ name }) => name === container.name);
    return spec !== undefined && restartsAfter(pod, spec, exitCodeOf(container) ?? 0);
  };
  const failed = (container: ContainerReport): boolean => (exitCodeOf(container) ?? 0) !== 0;
  if (report.initContainers.some((container) => failed(container) && !startsAgain(initContainers, container)))
    return 'Failed';
  const terminated = report.containers.filter(isTerminated);
  if (terminated.length === report.containers.length && terminated.length > 0) {
    // A pod that is being deleted does not start again, whatever its policy.
    const ending = pod.metadata.deletionTimestamp !== undefined;
    if (!ending && terminated.some((container) => startsAgain(containers, container))) return 'Running';
    return terminated.some(failed) ? 'Failed' : 'Succeeded';
  }
  // As long as one of them has yet to start for the first time the pod is pending, whatever the others do.
  const begun = report.containers.every(
    (container) => isRunning(container) || isTerminated(container) || container.lastTermination !== undefined,
  );
  return begun ? 'Running' : 'Pending';
}

const exitCodeOf = ({ state }: ContainerReport): number | undefined =>
  'terminated' in state ? state.terminated.exitCode : undefined;

function conditionsOf(pod: ReadablePod, phase: string, report: PodReport, now: number): PodCondition[] {
  const stored = (pod.status?.conditions ?? []) as unknown as readonly PodCondition[];
  const names = (containers: readonly ContainerReport[]) => `[${containers.map(({ name }) => name).join(' ')}]`;
  const unready = report.containers.filter((container) => !container.ready);
  const uninitialized = report.initContainers.filter(
    (container) => !('terminated' in container.state && container.state.terminated.exitCode === 0) && !container.ready,
  );
  const containersReady: Verdict = { type: 'ContainersReady', ok: unready.length === 0 };
  if (phase === 'Succeeded') Object.assign(containersReady, { ok: false, reason: 'PodCompleted' });
  else if (phase === 'Failed') Object.assign(containersReady, { ok: false, reason: 'PodFailed' });
  else if (unready.length > 0) {
    containersReady.reason = 'ContainersNotReady';
    containersReady.message = `containers with unready status: ${names(unready)}`;
  }
  const initialized: Verdict = { type: 'Initialized', ok: uninitialized.length === 0 };
  if (phase === 'Succeeded') {
    initialized.ok = true;
    initialized.reason = 'PodCompleted';
  } else if (uninitialized.length > 0) {
    initialized.reason = 'ContainersNotInitialized';
    initialized.message = `containers with incomplete status: ${names(uninitialized)}`;
  }
  const verdicts: Verdict[] = [
    {
      type: 'PodReadyToStartContainers',
      ok: report.sandboxReady && phase !== 'Succeeded' && phase !== 'Failed',
    },
    initialized,
    readyVerdict(pod, containersReady, stored),
    containersReady,
    { type: 'PodScheduled', ok: true },
  ];
  const own = verdicts.map((verdict) => condition(pod, verdict, stored, now));
  // Conditions of others (readiness gates) stay behind ours.
  return [...own, ...stored.filter((other) => !ownConditions.includes(other.type))];
}

function readyVerdict(pod: ReadablePod, containersReady: Verdict, stored: readonly PodCondition[]): Verdict {
  const verdict: Verdict = { ...containersReady, type: 'Ready' };
  if (!verdict.ok) return verdict;
  const messages: string[] = [];
  for (const { conditionType } of pod.spec?.readinessGates ?? []) {
    const gate = stored.find((other) => other.type === conditionType);
    if (gate === undefined)
      messages.push(`corresponding condition of pod readiness gate "${conditionType}" does not exist.`);
    else if (gate.status !== 'True')
      messages.push(`the status of pod readiness gate "${conditionType}" is not "True", but ${gate.status}`);
  }
  if (messages.length === 0) return verdict;
  return { type: 'Ready', ok: false, reason: 'ReadinessGatesNotReady', message: messages.join(', ') };
}

function condition(pod: ReadablePod, verdict: Verdict, stored: readonly PodCondition[], now: number): PodCondition {
  const status = verdict.ok ? 'True' : 'False';
  const before = stored.find((other) => other.type === verdict.type);
  const result = {
    type: verdict.type,
    status,
    lastTransitionTime:
      before?.status === status && before.lastTransitionTime !== undefined
        ? before.lastTransitionTime
        : formatTime(now),
  } as unknown as PodCondition;
  if (verdict.reason !== undefined) result.reason = verdict.reason;
  if (verdict.message !== undefined) result.message = verdict.message;
  if (pod.metadata.generation !== undefined) result.observedGeneration = pod.metadata.generation;
  return result;
}

type ContainerSpec = DeepReadonly<Pick<NonNullable<Pod['spec']>['containers'][number], 'name' | 'image' | 'resources'>>;

function containerStatus(report: ContainerReport, specs: readonly ContainerSpec[] | undefined): ContainerStatus {
  const spec = specs?.find(({ name }) => name === report.name);
  const image = fullImageName(spec?.image ?? '');
  const running = isRunning(report);
  const begun = report.containerId !== '';
  const status = {
    name: report.name,
    state: stateStatus(report.state),
    lastState: report.lastTermination === undefined ? {} : { terminated: terminatedStatus(report.lastTermination) },
    ready: report.ready,
    restartCount: report.restartCount,
    image: begun ? image : (spec?.image ?? ''),
    imageID: begun ? imageId(image) : '',
    started: running ? report.started : false,
  } as ContainerStatus;
  if (begun) status.containerID = report.containerId;
  // Nothing is held back: what a running container asks for (also by a resize) it has.
  const { requests, limits } = spec?.resources ?? {};
  if (running && requests !== undefined) status.allocatedResources = requests;
  if (running && (requests !== undefined || limits !== undefined))
    status.resources = { ...(limits && { limits }), ...(requests && { requests }) };
  return status;
}

function stateStatus(state: ContainerState): NonNullable<ContainerStatus['state']> {
  if ('waiting' in state) return { waiting: state.waiting };
  if ('running' in state) return { running: { startedAt: formatTime(state.running.startedAt) } };
  return { terminated: terminatedStatus(state.terminated) };
}

function terminatedStatus(state: TerminatedState) {
  return {
    exitCode: state.exitCode,
    reason: state.reason,
    ...(state.message === undefined ? {} : { message: state.message }),
    ...(state.signal === undefined ? {} : { signal: state.signal }),
    startedAt: formatTime(state.startedAt),
    finishedAt: formatTime(state.finishedAt),
    containerID: state.containerId,
  };
}

/** `nginx` is short for `docker.io/library/nginx:latest`. */
export function fullImageName(image: string): string {
  if (image === '') return '';
  const slash = image.indexOf('/');
  const host = slash < 0 ? '' : image.slice(0, slash);
  const hasHost = host.includes('.') || host.includes(':') || host === 'localhost';
  const path = hasHost ? image : `docker.io/${slash < 0 ? 'library/' : ''}${image}`;
  const last = path.slice(path.lastIndexOf('/') + 1);
  return last.includes(':') || last.includes('@') ? path : `${path}:latest`;
}

/** Nothing is ever pulled, so the digest is one of the name: stable, and different for different images. */
function imageId(image: string): string {
  const known = imageIds.get(image);
  if (known !== undefined) return known;
  const last = image.lastIndexOf('/');
  const tail = image.slice(last + 1).replace(/[:@].*$/, '');
  const id = `${image.slice(0, last + 1)}${tail}@sha256:${createHash('sha256').update(image).digest('hex')}`;
  if (imageIds.size >= mostImageIds) imageIds.clear();
  imageIds.set(image, id);
  return id;
}

/** Pods are many, their images few. */
const imageIds = new Map<string, string>();
const mostImageIds = 1000;
