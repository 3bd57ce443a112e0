/** What a simulated pod is declared to do, read from its annotations once, when the kubelet first sees it. */
import { controllerOf } from '../../apimachinery/owner-references.ts';
import { restartsAfter } from './restarts.ts';
import type { ReadablePod } from './runtime.ts';

/** All annotations are `kubelite/<what>` for the main containers, or `kubelite/<what>.<container>` for one of any sort. */
const prefix = 'kubelite/';
/** Pods of Jobs end after this time unless they say otherwise. */
const jobDurationMs = 1000;
const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

export interface ContainerProfile {
  /** The image cannot be pulled. */
  pullFails: boolean;
  /** The container ends so long after it started; undefined: it runs on. */
  durationMs: number | undefined;
  exitCode: number;
  reason: string;
  /** Ready so long after the start, besides what probes ask for. */
  readyAfterMs: number;
  /** Readiness changes each time this has passed. */
  flappingMs: number | undefined;
  /** The readiness probe never passes. */
  neverReady: boolean;
  /** What its preStop hook takes. */
  preStopMs: number;
  /** The probe that ends the container when its time is over. */
  killedBy: 'liveness' | 'startup' | undefined;
}

type ContainerSpec = NonNullable<ReadablePod['spec']>['containers'][number];

export type Role = 'main' | 'init' | 'sidecar' | 'ephemeral';

/** An unreadable value counts as absent: a pod is never refused for it. */
export function containerProfile(pod: ReadablePod, spec: ContainerSpec, role: Role): ContainerProfile {
  const read = (what: string): string | undefined => {
    const annotations = pod.metadata.annotations ?? {};
    return annotations[`${prefix}${what}.${spec.name}`] ?? (role === 'main' ? annotations[prefix + what] : undefined);
  };
  const failure = read('failure');
  const crashes = failure === 'CrashLoopBackOff' || failure === 'OOMKilled';
  const declared = parseDuration(read('duration'));
  const exitCode = wholeNumber(read('exit-code')) ?? (failure === 'OOMKilled' ? 137 : crashes ? 1 : 0);
  const ofJob = role === 'main' && controllerOf(pod)?.kind === 'Job';
  const ends = crashes || exitCode !== 0 || ofJob;
  // Who reads standard input ends with whoever is attached.
  const reads = spec.stdin === true && role !== 'init' && !ends;
  const byDefault =
    role === 'init'
      ? 0
      : ends
        ? ofJob && exitCode === 0
          ? taskDuration(pod, spec, role, ofJob)
          : jobDurationMs
        : reads || role === 'sidecar'
          ? undefined
          : taskDuration(pod, spec, role, false);
  const fatal = failingProbe(spec, read);
  const ownEnd = declared ?? byDefault;
  if (fatal !== undefined && (ownEnd === undefined || fatal.afterMs < ownEnd))
    return {
      pullFails: false,
      durationMs: fatal.afterMs,
      exitCode: 137,
      reason: 'Error',
      readyAfterMs: parseDuration(read('ready-after')) ?? 0,
      preStopMs: preStopMs(spec),
      flappingMs: undefined,
      neverReady: fatal.kind === 'startup' || fails('readiness', spec.readinessProbe, read),
      killedBy: fatal.kind,
    };
  return {
    pullFails: failure === 'ErrImagePull' || failure === 'ImagePullBackOff',
    durationMs: ownEnd,
    exitCode,
    reason: failure === 'OOMKilled' ? 'OOMKilled' : exitCode === 0 ? 'Completed' : 'Error',
    readyAfterMs: parseDuration(read('ready-after')) ?? 0,
    preStopMs: preStopMs(spec),
    flappingMs: parseDuration(read('readiness-flapping')) || undefined,
    neverReady: fails('readiness', spec.readinessProbe, read),
    killedBy: undefined,
  };
}

type Probe = ContainerSpec['livenessProbe'];

/** `kubelite/liveness: Failure` and the like say how a probe ends; without such a probe in the spec they say nothing. */
const fails = (what: string, probe: Probe, read: (what: string) => string | undefined): boolean =>
  probe !== undefined && read(what) === 'Failure';

/** The probe that fails until the container is killed: after as many failures as its threshold asks for. */
function failingProbe(
  spec: ContainerSpec,
  read: (what: string) => string | undefined,
): { kind: 'liveness' | 'startup'; afterMs: number } | undefined {
  for (const kind of ['startup', 'liveness'] as const) {
    const probe = kind === 'startup' ? spec.startupProbe : spec.livenessProbe;
    if (!fails(kind, probe, read)) continue;
    const { initialDelaySeconds = 0, periodSeconds = 10, failureThreshold = 3 } = probe ?? {};
    return { kind, afterMs: (initialDelaySeconds + periodSeconds * failureThreshold) * 1000 };
  }
  return undefined;
}

/**
 * What is started once for a command (`kubectl run --restart=Never -- make`, pods of Jobs and of `helm test`) does its work and ends.
 * `sleep` takes its time; a pod without a command is a server, which runs on.
 */
function taskDuration(pod: ReadablePod, spec: ContainerSpec, role: Role, ofJob: boolean): number | undefined {
  if (role === 'main' && restartsAfter(pod, spec, 0)) return undefined;
  const command = [...(spec.command ?? []), ...(spec.args ?? [])];
  const isTest = pod.metadata.annotations?.['helm.sh/hook'] !== undefined;
  if (command.length === 0) return ofJob || isTest || role === 'ephemeral' ? jobDurationMs : undefined;
  const ms = sleepMs(command);
  return ms === Number.POSITIVE_INFINITY ? undefined : (ms ?? jobDurationMs);
}

/** How long the command sleeps; undefined when it does not. */
function sleepMs(command: readonly string[]): number | undefined {
  const [, time] = /(?:^|[\s;&/])sleep (infinity|inf|\d+(?:\.\d+)?(?:ms|s|m|h)?)/.exec(command.join(' ')) ?? [];
  if (time === undefined) return undefined;
  return time.startsWith('inf') ? Number.POSITIVE_INFINITY : parseDuration(/\d$/.test(time) ? `${time}s` : time);
}

function preStopMs({ lifecycle }: ContainerSpec): number {
  const { sleep, exec } = lifecycle?.preStop ?? {};
  return sleep === undefined ? (sleepMs(exec?.command ?? []) ?? 0) : sleep.seconds * 1000;
}

/** `1m30s`, `500ms`; undefined when it is no duration. */
export function parseDuration(text: string | undefined): number | undefined {
  if (text === undefined || !/^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g))
    total += Number(amount) * (unitsMs[unit ?? ''] ?? 0);
  return total;
}

function wholeNumber(text: string | undefined): number | undefined {
  const value = Number(text);
  return text !== undefined && Number.isInteger(value) && value >= 0 && value <= 255 ? value : undefined;
}
