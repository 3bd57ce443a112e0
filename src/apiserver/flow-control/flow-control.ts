/** Whose turn is it? Each user is a flow of their own; reads and writes are bounded apart. */
import type { Clock } from '../../apimachinery/clock.ts';
import type { UserInfo } from '../authentication/user-info.ts';
import type { RequestInfo } from '../request-info.ts';
import { createDeadlines } from './deadlines.ts';
import { FairQueue, Pace } from './fair-queue.ts';
import type { FlowMetrics } from './flow-metrics.ts';

export interface FlowControlOptions {
  /** Reads worked on at a time. Default 800. */
  maxReads?: number;
  /** Writes worked on at a time. Default 400. */
  maxWrites?: number;
  /** Off: first come, first served. Default on. */
  fair?: boolean;
  /** How long a request may take, long ones excepted; a quarter of it in line. Default 60 s. */
  requestTimeoutMs?: number;
}

export interface FlowControl {
  /** Runs `work` when it is the caller's turn. Throws 429 and 504. */
  run<T>(call: Call, work: () => Promise<T>): Promise<T>;
  /** For requests that last: waits for the turn, holds no place. */
  begin(call: Call): Promise<void>;
}

export interface Call {
  method: string;
  info: RequestInfo;
  user: UserInfo;
  signal: AbortSignal;
}

const maxWaiting = 20_000;
const healthPath = /^\/(livez|readyz|healthz)(\/|$)/;

export function createFlowControl(options: FlowControlOptions, clock: Clock, metrics: FlowMetrics): FlowControl {
  const { maxReads = 800, maxWrites = 400, fair = true, requestTimeoutMs = 60_000 } = options;
  const waitMs = requestTimeoutMs / 4;
  const pace = new Pace();
  const queue = (level: string, running: number, waiting: number, wait: number) =>
    new FairQueue({ running, waiting, waitMs: wait }, pace, clock, (reason) => metrics.refused(level, reason));
  const exempt = queue('exempt', Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
  const reads = queue('reads', maxReads, maxWaiting, waitMs);
  const writes = queue('writes', maxWrites, maxWaiting, waitMs);
  const deadlines = createDeadlines(requestTimeoutMs, clock);
  metrics.observe(() => ({ exempt, reads, writes }));

  function queueOf({ method, info, user }: Call): FairQueue {
    if (isExempt(info, user)) return exempt;
    return method === 'GET' || method === 'HEAD' ? reads : writes;
  }
  const flowOf = ({ info, user }: Call): string => (fair ? flow(info, user) : '');

  return {
    run: (call, work) => queueOf(call).run(flowOf(call), call.signal, () => deadlines.run(work)),
    begin: (call) => queueOf(call).run(flowOf(call), call.signal, async () => undefined),
  };
}

/** Who repairs the control plane is never refused, and takes turns with the others; so is whoever asks whether it lives. */
function isExempt(info: RequestInfo, user: UserInfo): boolean {
  return user.groups.includes('system:masters') || (!info.isResource && healthPath.test(info.path));
}

/** Leases do not stand in line behind their owner's other requests: who is busy must not lose its leadership for it. */
function flow(info: RequestInfo, user: UserInfo): string {
  return info.resource === 'leases' ? `${user.name} leases` : user.name;
}
