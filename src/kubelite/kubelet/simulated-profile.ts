/** What a simulated pod is declared to do, read from its annotations once, when the kubelet first sees it. */
import { controllerOf } from '../../apimachinery/owner-references.ts';
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
}

type Role = 'main' | 'init' | 'sidecar';

/** An unreadable value counts as absent: a pod is never refused for it. */
export function containerProfile(pod: ReadablePod, container: string, role: Role): ContainerProfile {
  const read = (what: string): string | undefined => {
    const annotations = pod.metadata.annotations ?? {};
    return annotations[`${prefix}${what}.${container}`] ?? (role === 'main' ? annotations[prefix + what] : undefined);
  };
  const failure = read('failure');
  const crashes = failure === 'CrashLoopBackOff' || failure === 'OOMKilled';
  const declared = parseDuration(read('duration'));
  const exitCode = wholeNumber(read('exit-code')) ?? (failure === 'OOMKilled' ? 137 : crashes ? 1 : 0);
  const ends = crashes || exitCode !== 0 || (role === 'main' && controllerOf(pod)?.kind === 'Job');
  const byDefault = role === 'init' ? 0 : ends ? jobDurationMs : undefined;
  return {
    pullFails: failure === 'ErrImagePull' || failure === 'ImagePullBackOff',
    durationMs: declared ?? byDefault,
    exitCode,
    reason: failure === 'OOMKilled' ? 'OOMKilled' : exitCode === 0 ? 'Completed' : 'Error',
    readyAfterMs: parseDuration(read('ready-after')) ?? 0,
    flappingMs: parseDuration(read('readiness-flapping')) || undefined,
  };
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
