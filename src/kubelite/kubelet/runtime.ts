/** The seam between the kubelet and what runs pods. */
import type { Duplex } from 'node:stream';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import type { Pod } from '../../kubernetes/types.ts';
import type { Usage } from './usage.ts';

export type ReadablePod = DeepReadonly<Pod>;

export interface TerminatedState {
  exitCode: number;
  /** `Completed`, `Error`, `OOMKilled`, … */
  reason: string;
  message?: string;
  signal?: number;
  /** Milliseconds since the epoch. */
  startedAt: number;
  finishedAt: number;
  containerId: string;
}

export type ContainerState =
  | { waiting: { reason: string; message?: string } }
  | { running: { startedAt: number } }
  | { terminated: TerminatedState };

export interface ContainerReport {
  name: string;
  state: ContainerState;
  lastTermination?: TerminatedState;
  restartCount: number;
  /** What probes say; true without probes once running. */
  ready: boolean;
  /** The startup probe has passed, or there is none. */
  started: boolean;
  /** Empty until it first started. */
  containerId: string;
}

/** How a pod stands with its runtime. Containers come in the order of the spec. */
export interface PodReport {
  /** The pod has its address and volumes. */
  sandboxReady: boolean;
  podIP?: string;
  initContainers: readonly ContainerReport[];
  containers: readonly ContainerReport[];
  /** Those that `kubectl debug` added. */
  ephemeralContainers?: readonly ContainerReport[];
  /** Milliseconds after which the pod should be looked at again. */
  lookAgainAfter?: number;
}

export interface LogRequest {
  container: string;
  previous: boolean;
  /** Go on with lines as they come, until the container ends or the signal aborts. */
  follow: boolean;
  /** Only the last so many of the lines that are there. */
  tailLines: number | undefined;
  /** Only lines at or after this time (ms). */
  since: number | undefined;
  signal: AbortSignal;
}

export interface LogLine {
  /** RFC 3339 with nanoseconds. */
  time: string;
  text: string;
}

/** The standard streams of a command run in a container. */
export interface ExecStreams {
  /** Empty when nobody types. */
  stdin: AsyncIterable<Buffer>;
  stdout(chunk: string | Buffer): Promise<void>;
  stderr(chunk: string | Buffer): Promise<void>;
  /** Somebody sits at a terminal: what is typed is echoed, lines end with CR LF. */
  tty: boolean;
  /** Aborted when the caller is gone. */
  signal: AbortSignal;
}

export interface PodRuntime {
  /** Name and version, shown on the Node. */
  readonly version: string;
  /** Moves the pod one step towards running and says how it stands. Never waits for containers. */
  sync(pod: ReadablePod): Promise<PodReport>;
  /** Stops the pod's containers; to be called until nothing runs any more. Never waits for them. */
  stop(pod: ReadablePod, graceSeconds: number): Promise<PodReport>;
  /** Ends and forgets whatever is left of a pod that is gone. */
  remove(uid: string): Promise<void>;
  /** undefined: there is no such container or no earlier run of it. */
  logs(pod: ReadablePod, request: LogRequest): AsyncIterable<LogLine> | undefined;
  /** Runs a command in a running container; resolves with its exit code. */
  exec(pod: ReadablePod, container: string, command: readonly string[], streams: ExecStreams): Promise<number>;
  /** Runs the command of a container that reads its standard input (`stdin: true`) for the caller, until one of them is done. */
  attach?(pod: ReadablePod, container: string, streams: ExecStreams): Promise<void>;
  /** A connection to a TCP port that the pod itself serves, never to anybody else's. Rejects as a refused connection. */
  dial(pod: ReadablePod, port: number): Promise<Duplex>;
  /** What each running container uses. */
  usage(pod: ReadablePod): ReadonlyMap<string, Usage>;
  /** Ends all containers; nothing can be synced afterwards. */
  close(): Promise<void>;
}

export const isRunning = (report: ContainerReport): boolean => 'running' in report.state;
export const isTerminated = (report: ContainerReport): boolean => 'terminated' in report.state;
