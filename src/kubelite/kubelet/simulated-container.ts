/**
 * One simulated container, moved on by the clock:
 *
 *   waiting ──start──▶ running ──its time is over──▶ ended ──restart policy──▶ backing off ──▶ running …
 *      └─ image cannot be pulled: ErrImagePull, then ImagePullBackOff, again and again
 */
import { createHash } from 'node:crypto';
import { crashLoopMessage } from './pod-events.ts';
import type { ContainerReport, ContainerState, ReadablePod, TerminatedState } from './runtime.ts';
import type { ContainerProfile } from './simulated-profile.ts';

type ContainerSpec = NonNullable<ReadablePod['spec']>['containers'][number];
type ContainerStatus = NonNullable<NonNullable<ReadablePod['status']>['containerStatuses']>[number];

export interface Backoff {
  baseMs: number;
  maxMs: number;
}

export interface ContainerEvents {
  /** `name_namespace(uid)`. */
  podLabel(): string;
  started(): void;
  /** Waits before it is started again. */
  backingOff(): void;
  /** A probe failed as often as its threshold asks for. */
  killedByProbe(probe: 'liveness' | 'startup'): void;
  /** The readiness probe begins to fail. */
  notReady(): void;
  pullFailed(): void;
  pullBackingOff(): void;
  /** It cannot be configured. */
  blocked(message: string): void;
}

/** After a run this long a container counts as healthy: the next restart does not wait. */
const healthyAfterMs = 10 * 60_000;
/** How long a failed pull shows as ErrImagePull. */
const pullErrorMs = 1000;
/** How often what its configuration lacks is looked for again. */
const blockedRetryMs = 1000;

export class SimulatedContainer {
  readonly spec: ContainerSpec;
  readonly profile: ContainerProfile;
  restartCount = 0;
  last: TerminatedState | undefined;
  startedAt: number | undefined;
  ended: TerminatedState | undefined;
  readonly #uid: string;
  readonly #restarts: (exitCode: number) => boolean;
  readonly #backoff: Backoff;
  readonly #events: ContainerEvents;
  /** Restarts without a healthy run in between. */
  #crashes = 0;
  #restartAt: number | undefined;
  #pullFailedAt: number | undefined;
  #pulls = 0;
  #pullState: 'error' | 'backoff' | undefined;
  #toldNotReady = false;
  #id: { run: number; text: string } | undefined;
  #blocked: string | undefined;

  constructor(
    uid: string,
    spec: ContainerSpec,
    profile: ContainerProfile,
    restarts: (exitCode: number) => boolean,
    backoff: Backoff,
    events: ContainerEvents,
  ) {
    this.#uid = uid;
    this.spec = spec;
    this.profile = profile;
    this.#restarts = restarts;
    this.#backoff = backoff;
    this.#events = events;
  }

  get id(): string {
    if (this.#id?.run === this.restartCount) return this.#id.text;
    // The same after a restart of the process, so that an adopted pod's status does not change.
    const run = this.restartCount === 0 ? '' : `/${this.restartCount}`;
    const text = `containerd://${createHash('sha256').update(`${this.#uid}/${this.spec.name}${run}`).digest('hex')}`;
    this.#id = { run: this.restartCount, text };
    return text;
  }
  get running(): boolean {
    return this.startedAt !== undefined && this.ended === undefined;
  }
  /** It ended and will not start again. */
  get done(): boolean {
    return this.ended !== undefined && !this.#restarts(this.ended.exitCode);
  }
  get succeeded(): boolean {
    return this.done && this.ended?.exitCode === 0;
  }

  /** Takes over a container that was there before this process started. */
  adopt(status: ContainerStatus): void {
    this.restartCount = status.restartCount;
    const last = status.lastState?.terminated;
    if (last !== undefined) this.last = terminatedOf(last);
    this.#crashes = Math.max(0, status.restartCount);
    if (status.state?.running !== undefined) this.startedAt = Date.parse(String(status.state.running.startedAt));
    else if (status.state?.terminated !== undefined) {
      this.ended = terminatedOf(status.state.terminated);
      this.startedAt = this.ended.startedAt;
      this.#planRestart(this.ended);
    } else if (this.last !== undefined) {
      this.startedAt = this.last.startedAt;
      this.ended = this.last;
      this.#planRestart(this.ended);
    }
  }

  /** It waits for configuration that is not there; undefined: it is there. */
  block(message: string | undefined): void {
    if (message !== undefined && message !== this.#blocked) this.#events.blocked(message);
    this.#blocked = message;
  }

  start(now: number): void {
    if (this.startedAt !== undefined || this.#blocked !== undefined) return;
    if (this.profile.pullFails) {
      this.#failToPull(now);
      return;
    }
    this.startedAt = now;
    this.#events.started();
  }

  /** Brings the container to where it stands at `now`. */
  advance(now: number): void {
    for (;;) {
      if (this.running) {
        const end = this.#endsAt();
        if (end === undefined || end > now) {
          this.#tellReadiness(now);
          return;
        }
        if (this.profile.killedBy !== undefined) this.#events.killedByProbe(this.profile.killedBy);
        this.#end(end, this.profile.exitCode, this.profile.reason);
      }
      if (this.#restartAt === undefined || this.#restartAt > now || this.ended === undefined) return;
      this.last = this.ended;
      this.ended = undefined;
      // Time that nobody looked at is not lived through.
      this.startedAt = now;
      this.#restartAt = undefined;
      this.restartCount++;
      this.#events.started();
    }
  }

  /** Ends it for good. */
  stop(now: number): void {
    if (this.running) this.#end(now, 0, 'Completed');
    this.#restartAt = undefined;
  }

  /** Its command came to an end. */
  finish(now: number, exitCode: number): void {
    if (this.running) this.#end(now, exitCode, exitCode === 0 ? 'Completed' : 'Error');
  }

  #tellReadiness(now: number): void {
    const fails = this.spec.readinessProbe !== undefined && now >= this.#readyAt() && !this.isReady(now);
    if (fails && !this.#toldNotReady) this.#events.notReady();
    this.#toldNotReady = fails;
  }

  /** Readiness as declared, not before a probe would first be asked. */
  isReady(now: number): boolean {
    if (!this.running || this.startedAt === undefined || this.profile.neverReady || now < this.#readyAt()) return false;
    const { flappingMs } = this.profile;
    return flappingMs === undefined || Math.floor((now - this.#readyAt()) / flappingMs) % 2 === 0;
  }

  /** When something changes by itself next (ms); undefined: never. */
  nextChange(now: number): number | undefined {
    const times: number[] = [];
    if (this.running) {
      times.push(this.#endsAt() ?? 0, this.#readyAt(), this.#startupAt());
      const { flappingMs } = this.profile;
      if (flappingMs !== undefined && now >= this.#readyAt())
        times.push(now + flappingMs - ((now - this.#readyAt()) % flappingMs));
    }
    times.push(this.#restartAt ?? 0, this.#blocked === undefined ? 0 : now + blockedRetryMs);
    if (this.#pullFailedAt !== undefined) times.push(this.#pullFailedAt + pullErrorMs, this.#nextPullAt());
    const ahead = times.filter((time) => time > now);
    return ahead.length === 0 ? undefined : Math.min(...ahead);
  }

  report(now: number, waiting: string): ContainerReport {
    const begun = this.startedAt !== undefined;
    return {
      name: this.spec.name,
      state: this.#state(now, waiting),
      ...(this.last === undefined ? {} : { lastTermination: this.last }),
      ...(this.#isBackingOff(now) && this.ended !== undefined ? { lastTermination: this.ended } : {}),
      restartCount: this.restartCount,
      ready: this.isReady(now),
      started: this.running && this.profile.killedBy !== 'startup' && now >= this.#startupAt(),
      containerId: begun ? this.id : '',
    };
  }

  #state(now: number, waiting: string): ContainerState {
    if (this.#pullFailedAt !== undefined) {
      const { image = '' } = this.spec;
      return now < this.#pullFailedAt + pullErrorMs
        ? { waiting: { reason: 'ErrImagePull', message: pullMessage(image) } }
        : {
            waiting: {
              reason: 'ImagePullBackOff',
              message: `Back-off pulling image "${image}": ErrImagePull: ${pullMessage(image)}`,
            },
          };
    }
    if (this.#blocked !== undefined)
      return { waiting: { reason: 'CreateContainerConfigError', message: this.#blocked } };
    if (this.startedAt === undefined) return { waiting: { reason: waiting } };
    if (this.ended === undefined) return { running: { startedAt: this.startedAt } };
    if (!this.#isBackingOff(now)) return { terminated: this.ended };
    const message = crashLoopMessage(this.#pause(), this.spec.name, this.#events.podLabel());
    return { waiting: { reason: 'CrashLoopBackOff', message } };
  }

  #isBackingOff(now: number): boolean {
    return this.ended !== undefined && this.#restartAt !== undefined && this.#restartAt > now;
  }

  #failToPull(now: number): void {
    if (this.#pullFailedAt === undefined || now >= this.#nextPullAt()) {
      this.#pullFailedAt = now;
      this.#pulls++;
      this.#pullState = 'error';
      this.#events.pullFailed();
    } else if (this.#pullState === 'error' && now >= this.#pullFailedAt + pullErrorMs) {
      this.#pullState = 'backoff';
      this.#events.pullBackingOff();
    }
  }

  #nextPullAt(): number {
    const pause = Math.min(this.#backoff.baseMs * 2 ** (this.#pulls - 1), this.#backoff.maxMs);
    return (this.#pullFailedAt ?? 0) + Math.max(pause, 2 * pullErrorMs);
  }

  #end(at: number, exitCode: number, reason: string): void {
    const startedAt = this.startedAt ?? at;
    this.ended = { exitCode, reason, startedAt, finishedAt: at, containerId: this.id };
    if (exitCode === 137) this.ended.signal = 9;
    if (at - startedAt >= healthyAfterMs) this.#crashes = 0;
    this.#planRestart(this.ended);
  }

  #planRestart(ended: TerminatedState): void {
    if (!this.#restarts(ended.exitCode)) return;
    this.#crashes++;
    this.#restartAt = ended.finishedAt + this.#pause();
    if (this.#pause() > 0) this.#events.backingOff();
  }

  /** The first restart comes at once. */
  #pause(): number {
    return this.#crashes <= 1 ? 0 : Math.min(this.#backoff.baseMs * 2 ** (this.#crashes - 2), this.#backoff.maxMs);
  }

  #endsAt(): number | undefined {
    const { durationMs } = this.profile;
    return durationMs === undefined || this.startedAt === undefined ? undefined : this.startedAt + durationMs;
  }
  #readyAt(): number {
    const asked = (this.startedAt ?? 0) + (this.spec.readinessProbe?.initialDelaySeconds ?? 0) * 1000;
    return Math.max(asked, this.#startupAt(), (this.startedAt ?? 0) + this.profile.readyAfterMs);
  }
  #startupAt(): number {
    return (this.startedAt ?? 0) + (this.spec.startupProbe?.initialDelaySeconds ?? 0) * 1000;
  }
}

/** What a registry would answer. */
export const pullMessage = (image: string): string =>
  `failed to pull and unpack image "${image}": failed to resolve reference "${image}": not found`;

type StoredTermination = NonNullable<NonNullable<ContainerStatus['state']>['terminated']>;

function terminatedOf(stored: StoredTermination): TerminatedState {
  const finishedAt = Date.parse(String(stored.finishedAt ?? ''));
  return {
    exitCode: stored.exitCode,
    reason: stored.reason ?? '',
    ...(stored.signal === undefined ? {} : { signal: stored.signal }),
    startedAt: Date.parse(String(stored.startedAt ?? '')) || finishedAt || 0,
    finishedAt: finishedAt || 0,
    containerId: stored.containerID ?? '',
  };
}
