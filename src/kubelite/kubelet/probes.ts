/** Probes that are really performed against a pod's address: HTTP, HTTPS and TCP. */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import type { Clock } from '../../apimachinery/clock.ts';
import type { ReadablePod } from './runtime.ts';

type Container = NonNullable<ReadablePod['spec']>['containers'][number];
export type Probe = NonNullable<Container['readinessProbe']>;
export type ProbeKind = 'Startup' | 'Liveness' | 'Readiness';

/** undefined: passed. Otherwise what follows `Readiness probe failed: `. */
export async function performProbe(probe: Probe, container: Container, podIP: string): Promise<string | undefined> {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  try {
    if (probe.httpGet !== undefined) {
      const { host, path = '/', scheme = 'HTTP', httpHeaders = [], port } = probe.httpGet;
      const target = resolvePort(port, container);
      const headers: Record<string, string> = { 'user-agent': 'kube-probe/1.36', accept: '*/*', connection: 'close' };
      for (const header of httpHeaders) headers[header.name] = header.value;
      const status = await httpGet(scheme === 'HTTPS', host ?? podIP, target, path, headers, timeoutMs);
      return status >= 200 && status < 400 ? undefined : `HTTP probe failed with statuscode: ${status}`;
    }
    if (probe.tcpSocket !== undefined) {
      await tcpConnect(probe.tcpSocket.host ?? podIP, resolvePort(probe.tcpSocket.port, container), timeoutMs);
      return undefined;
    }
    return 'the process runtime performs httpGet and tcpSocket probes only';
  } catch (error) {
    return (error as Error).message;
  }
}

function resolvePort(port: string | number, container: Container): number {
  if (typeof port === 'number') return port;
  const named = container.ports?.find((candidate) => candidate.name === port)?.containerPort;
  const value = named ?? Number(port);
  if (!Number.isInteger(value) || value < 1 || value > 65_535)
    throw new Error(`port ${JSON.stringify(port)} not found`);
  return value;
}

function httpGet(
  secure: boolean,
  host: string,
  port: number,
  path: string,
  headers: Record<string, string>,
  timeoutMs: number,
): Promise<number> {
  const url = `${secure ? 'https' : 'http'}://${host}:${port}${path}`;
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    // As the kubelet does, a probe asks whether somebody answers, not who.
    const options = { host, port, path, headers, signal, agent: false as const, rejectUnauthorized: false };
    const request = (secure ? httpsRequest : httpRequest)(options, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on('error', (error) => {
      const why = signal.aborted ? 'context deadline exceeded' : describe(error, host, port);
      reject(new Error(`Get "${url}": ${why}`));
    });
    request.end();
  });
}

function tcpConnect(host: string, port: number, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('timeout', () => {
      socket.destroy();
      reject(new Error(`dial tcp ${host}:${port}: i/o timeout`));
    });
    socket.once('error', (error) => reject(new Error(describe(error, host, port))));
  });
}

function describe(error: NodeJS.ErrnoException, host: string, port: number): string {
  if (error.code === 'ECONNREFUSED') return `dial tcp ${host}:${port}: connect: connection refused`;
  return error.message;
}

export interface ProbeResults {
  ready: boolean;
  started: boolean;
}

export interface ProbeCallbacks {
  changed(): void;
  failed(kind: ProbeKind, message: string): void;
  /** Liveness or startup failed too often: the container must be restarted. */
  unhealthy(kind: ProbeKind): void;
}

/** Probes one run of a container until the signal aborts: the startup probe first, then liveness and readiness side by side. */
export function startProbes(
  container: Container,
  podIP: string,
  clock: Clock,
  signal: AbortSignal,
  callbacks: ProbeCallbacks,
): ProbeResults {
  const { startupProbe, livenessProbe, readinessProbe } = container;
  const results: ProbeResults = {
    started: startupProbe === undefined,
    ready: startupProbe === undefined && readinessProbe === undefined,
  };

  /** Calls `turn` when the verdict of a probe turns, after as many equal outcomes as its thresholds ask for. */
  async function loop(kind: ProbeKind, probe: Probe, turn: (passed: boolean) => 'go on' | 'end'): Promise<void> {
    let verdict: boolean | undefined;
    let streak = 0;
    let last: boolean | undefined;
    await clock.sleep((probe.initialDelaySeconds ?? 0) * 1000, signal);
    while (!signal.aborted) {
      const failure = await performProbe(probe, container, podIP);
      if (signal.aborted) return;
      const passed = failure === undefined;
      if (failure !== undefined) callbacks.failed(kind, `${kind} probe failed: ${failure}`);
      streak = passed === last ? streak + 1 : 1;
      last = passed;
      const needed = passed ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
      if (streak >= needed && verdict !== passed) {
        verdict = passed;
        if (turn(passed) === 'end') return;
      }
      const period = (probe.periodSeconds ?? 10) * 1000;
      if (kind === 'Liveness' || verdict === true || passed) await clock.sleep(period, signal);
      else if (await passesWithin(probe, period)) last = undefined;
    }
  }
  /** Until its first success a pod is waited for: looks again and again for one period, where only a success counts. */
  async function passesWithin(probe: Probe, period: number): Promise<boolean> {
    const end = clock.now() + period;
    while (clock.now() < end) {
      await clock.sleep(Math.min(eagerMs, end - clock.now()), signal);
      if ((await performProbe(probe, container, podIP)) === undefined) return true;
    }
    return false;
  }
  const fatal =
    (kind: ProbeKind) =>
    (passed: boolean): 'go on' | 'end' => {
      if (passed) return 'go on';
      callbacks.unhealthy(kind);
      return 'end';
    };
  async function run(): Promise<void> {
    if (startupProbe !== undefined) {
      await loop('Startup', startupProbe, (passed) => {
        if (!passed) callbacks.unhealthy('Startup');
        results.started = passed;
        return 'end';
      });
      if (!results.started) return;
      results.ready = readinessProbe === undefined;
      callbacks.changed();
    }
    const loops: Promise<void>[] = [];
    if (livenessProbe !== undefined) loops.push(loop('Liveness', livenessProbe, fatal('Liveness')));
    if (readinessProbe !== undefined) {
      loops.push(
        loop('Readiness', readinessProbe, (passed) => {
          results.ready = passed;
          callbacks.changed();
          return 'go on';
        }),
      );
    }
    await Promise.all(loops);
  }
  // A sleep that the signal ends rejects: that is the normal end.
  run().catch(() => {});
  return results;
}

const eagerMs = 250;
