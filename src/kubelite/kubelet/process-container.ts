/**
 * One container of a process pod: at most one process at a time, its restarts, its probes and its log files.
 *
 *   waiting ──start──▶ running ──exit──▶ terminated ──back-off over──▶ running …
 *                         └──stop: SIGTERM, after the grace SIGKILL──▶ terminated
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../apimachinery/clock.ts';
import { identifyProcess, type ProcessIdentity } from '../../component/process-identity.ts';
import { createLogWriter, readLogFile } from './log-file.ts';
import { crashLoopMessage, type PodEvents, podLabel } from './pod-events.ts';
import { type ProbeResults, startProbes } from './probes.ts';
import { restartsAfter } from './restarts.ts';
import type { ContainerReport, ContainerState, LogLine, LogRequest, ReadablePod, TerminatedState } from './runtime.ts';
import { createProcessMeter, type Usage } from './usage.ts';

type Spec = NonNullable<ReadablePod['spec']>['containers'][number];

/** Everything a process is started with. */
export interface Launch {
  /** Absolute path of the script that the running node executes. */
  /** Before the script. */
  nodeFlags: readonly string[];
  script: string;
  args: readonly string[];
  environment: Readonly<Record<string, string>>;
  directory: string;
}

export interface ProcessContainerOptions {
  spec: Spec;
  init: boolean;
  /** Folder of this container's log files. */
  logDirectory: string;
  podIP: string;
  backoff: { baseMs: number; maxMs: number };
  clock: Clock;
  events: PodEvents;
  /** Something happened: the pod should be looked at. */
  changed(): void;
  /** A process started or ended: what is running is recorded, for the clean-up after a crash. */
  record(): void;
}

export interface ProcessContainer {
  readonly name: string;
  readonly identity: ProcessIdentity | undefined;
  readonly running: boolean;
  /** The exit code of the last run; undefined before the first end. */
  readonly exitCode: number | undefined;
  /** Milliseconds until it may start (again); 0 when it may now. */
  startIn(): number;
  start(pod: ReadablePod, launch: Launch): void;
  /** Begins to end the process; again and again allowed. */
  stop(pod: ReadablePod, graceMs: number): void;
  kill(): void;
  /** Takes over the count of restarts from a status that an earlier kubelite wrote. */
  adopt(restartCount: number, last: TerminatedState): void;
  /** `reason` and `message` stand for the state while it has not started. */
  report(pod: ReadablePod, waiting: { reason: string; message?: string }): ContainerReport;
  logs(request: LogRequest): AsyncIterable<LogLine> | undefined;
  /** undefined while no process runs. */
  usage(): Usage | undefined;
}

export function createProcessContainer(options: ProcessContainerOptions): ProcessContainer {
  const { spec, clock, events, backoff } = options;
  const { name } = spec;
  let child: ChildProcess | undefined;
  let identity: ProcessIdentity | undefined;
  let containerId = '';
  let startedAt = 0;
  let runs = 0;
  let restartCount = 0;
  /** How often it fell in a row; a long run starts the count anew. */
  let falls = 0;
  let last: TerminatedState | undefined;
  let beforeLast: TerminatedState | undefined;
  let probes: ProbeResults | undefined;
  let probing: AbortController | undefined;
  let killTimer: { cancel(): void } | undefined;
  let stopping = false;
  let toldBackOff = false;
  const meter = createProcessMeter();

  const logFile = (run: number): string => join(options.logDirectory, `${run}.log`);
  const backOffMs = (): number => (falls <= 1 ? 0 : Math.min(backoff.baseMs * 2 ** (falls - 2), backoff.maxMs));
  const startIn = (): number => (last === undefined ? 0 : Math.max(0, last.finishedAt + backOffMs() - clock.now()));

  function start(pod: ReadablePod, launch: Launch): void {
    if (child !== undefined) return;
    if (runs > 0) restartCount++;
    runs++;
    stopping = false;
    toldBackOff = false;
    startedAt = clock.now();
    containerId = `process://${randomBytes(32).toString('hex')}`;
    mkdirSync(options.logDirectory, { recursive: true, mode: 0o700 });
    for (const suffix of ['', '.1']) rmSync(`${logFile(restartCount - 2)}${suffix}`, { force: true });
    const log = createLogWriter(logFile(restartCount), clock);
    // A group of its own: a signal to kubelite's terminal must not reach the pods before kubelite stops them in order.
    const started = spawn(process.execPath, [...launch.nodeFlags, launch.script, ...launch.args], {
      cwd: launch.directory,
      env: { ...launch.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      shell: false,
    });
    child = started;
    started.stdout?.on('data', (chunk: Buffer) => log.write('stdout', chunk));
    started.stderr?.on('data', (chunk: Buffer) => log.write('stderr', chunk));
    started.once('error', (error) => {
      log.write('stderr', Buffer.from(`${error.message}\n`));
      ended(128, undefined);
    });
    started.once('close', (code, signal) => {
      log.close();
      ended(code ?? 128, signal ?? undefined);
    });
    identity = started.pid === undefined ? undefined : identifyProcess(started.pid);
    options.record();
    events.started(pod, spec);
    if (!options.init) watchProbes(pod);
    options.changed();

    function ended(code: number, signal: NodeJS.Signals | undefined): void {
      if (child !== started) return;
      child = undefined;
      identity = undefined;
      probing?.abort();
      killTimer?.cancel();
      killTimer = undefined;
      const exitCode = signal === 'SIGKILL' ? 137 : signal === 'SIGTERM' ? 143 : code;
      const finishedAt = clock.now();
      beforeLast = last;
      last = {
        exitCode,
        reason: exitCode === 0 ? 'Completed' : 'Error',
        startedAt,
        finishedAt,
        containerId,
      };
      falls = finishedAt - startedAt > 2 * backoff.maxMs ? 1 : falls + 1;
      options.record();
      options.changed();
    }
  }

  function watchProbes(pod: ReadablePod): void {
    probing = new AbortController();
    probes = startProbes(spec, options.podIP, clock, probing.signal, {
      changed: options.changed,
      failed: (_, message) => events.unhealthy(pod, spec, message),
      unhealthy(kind) {
        events.killingUnhealthy(pod, spec, kind.toLowerCase());
        stop(pod, (pod.spec?.terminationGracePeriodSeconds ?? 30) * 1000, true);
      },
    });
  }

  function stop(pod: ReadablePod, graceMs: number, silent = false): void {
    const running = child;
    if (running === undefined) return;
    if (!stopping) {
      stopping = true;
      probing?.abort();
      if (!silent) events.killing(pod, spec);
      signal(running, 'SIGTERM');
    }
    // A shorter grace than before counts.
    killTimer?.cancel();
    killTimer = clock.setTimeout(() => signal(running, 'SIGKILL'), graceMs);
  }

  function state(pod: ReadablePod, waiting: { reason: string; message?: string }): ContainerState {
    if (child !== undefined) return { running: { startedAt } };
    if (last === undefined || runs === 0) return { waiting };
    const wait = startIn();
    if (!restartsAfter(pod, spec, last.exitCode) || wait === 0 || pod.metadata.deletionTimestamp !== undefined)
      return { terminated: last };
    if (!toldBackOff) {
      toldBackOff = true;
      events.backOff(pod, spec);
    }
    return { waiting: { reason: 'CrashLoopBackOff', message: crashLoopMessage(backOffMs(), name, podLabel(pod)) } };
  }

  return {
    name,
    get identity() {
      return identity;
    },
    get running() {
      return child !== undefined;
    },
    get exitCode() {
      return runs === 0 ? undefined : last?.exitCode;
    },
    startIn,
    start,
    stop,
    kill() {
      if (child !== undefined) signal(child, 'SIGKILL');
    },
    adopt(count, termination) {
      restartCount = count;
      last = termination;
      containerId = termination.containerId;
    },
    report(pod, waiting) {
      const current = state(pod, waiting);
      const lastTermination = 'terminated' in current ? beforeLast : last;
      const running = child !== undefined && !stopping;
      return {
        name,
        state: current,
        ...(lastTermination === undefined ? {} : { lastTermination }),
        restartCount,
        ready: options.init
          ? last?.exitCode === 0 && runs > 0 && child === undefined
          : running && (probes?.ready ?? false),
        started: running && (probes?.started ?? false),
        containerId,
      };
    },
    usage: () => (child?.pid === undefined ? undefined : meter.read(child.pid, startedAt, clock.now())),
    logs(request) {
      // The run that is going on, or the last one while the next is waited for.
      const newest = restartCount;
      const run = request.previous ? newest - 1 : newest;
      if (containerId === '' || run < 0) return undefined;
      const isNewest = run === newest;
      const ofRun = containerId;
      return readLogFile(logFile(run), request, () => !isNewest || child === undefined || containerId !== ofRun);
    },
  };
}

/** To the whole group, so that nothing a component may have started stays behind. */
function signal(child: ChildProcess, name: 'SIGTERM' | 'SIGKILL'): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, name);
  } catch {
    // Ended between the look and the signal.
  }
}
