/** Whose turn is it? By priority levels, and in each of them one flow after another. */
import type { Clock } from '../../apimachinery/clock.ts';
import type { UserInfo } from '../authentication/user-info.ts';
import type { Ending } from '../linked-abort.ts';
import type { RequestInfo } from '../request-info.ts';
import { builtinConfiguration, type Configuration, createConfiguredLevels, type Schema } from './configured-levels.ts';
import { createDeadlines, type Deadlines } from './deadlines.ts';
import { FairQueue, type Flow, Pace, type QueueLimits, type RefusalReason } from './fair-queue.ts';
import { type FlowCounts, noCounts } from './flow-counts.ts';
import type { FlowMetrics } from './flow-metrics.ts';

export interface FlowControlOptions {
  /** Reads worked on at a time. Default 800. With levels, the sum with writes is shared out. */
  maxReads?: number;
  /** Writes worked on at a time. Default 400. */
  maxWrites?: number;
  /** Off: first come, first served, reads and writes apart. Default on. */
  fair?: boolean;
  /** How long a request may take, long ones excepted; a quarter of it in line. Default 60 s. */
  requestTimeoutMs?: number;
  /** FlowSchemas and PriorityLevelConfigurations are served, and followed. Default: those that are built in hold. */
  objects?: boolean;
}

export interface FlowControl {
  /** Where the call belongs. */
  admit(call: Call): Admission;
  /** Undefined where levels do not act. */
  readonly configure: ((configuration: Configuration) => void) | undefined;
}

export interface Admission {
  /** Runs `work` when it is the caller's turn. Throws 429 and 504. */
  run<T>(work: () => Promise<T>): Promise<T>;
  /** For requests that last: waits for the turn, holds no place. */
  begin(): Promise<void>;
  /** Of the FlowSchema and the PriorityLevelConfiguration; empty where they are no objects. */
  readonly schemaUid: string;
  readonly levelUid: string;
}

export interface Call {
  method: string;
  info: RequestInfo;
  user: UserInfo;
  over: Ending;
}

export function createFlowControl(options: FlowControlOptions, clock: Clock, metrics: FlowMetrics): FlowControl {
  const { maxReads = 800, maxWrites = 400, requestTimeoutMs = 60_000 } = options;
  const deadlines = createDeadlines(requestTimeoutMs, clock);
  const waitMs = requestTimeoutMs / 4;
  const pace = new Pace();
  if (options.fair === false) return byLimits();
  const configured = createConfiguredLevels(maxReads + maxWrites, waitMs, pace, clock);
  configured.configure(builtinConfiguration);
  metrics.observeLevels(configured);
  return {
    configure: (configuration) => configured.configure(configuration),
    admit(call) {
      const schema = configured.schemaOf(call.info, call.user);
      return new Ticket(call, schema.level.queue, schema.counts, deadlines, schema);
    },
  };

  function byLimits(): FlowControl {
    const queue = (max: number, limits: QueueLimits) => {
      const made: FairQueue = new FairQueue(limits, () => max - made.running, { running: 0 }, pace, clock);
      return { queue: made, counts: noCounts() };
    };
    const bounded = { waiting: maxWaiting, waitingOfFlow: maxWaiting, waitMs };
    const exempt = queue(Number.POSITIVE_INFINITY, endless);
    const reads = queue(maxReads, bounded);
    const writes = queue(maxWrites, bounded);
    metrics.observeLimits(reads.counts, writes.counts, exempt.counts);
    return {
      configure: undefined,
      admit(call) {
        const { user, info } = call;
        const isExempt = user.groups.includes('system:masters') || (!info.isResource && healthPath.test(info.path));
        const line = isExempt ? exempt : isRead(call) ? reads : writes;
        return new Ticket(call, line.queue, line.counts, deadlines, undefined);
      },
    };
  }
}

const maxWaiting = 20_000;
const endless: QueueLimits = {
  waiting: Number.POSITIVE_INFINITY,
  waitingOfFlow: Number.POSITIVE_INFINITY,
  waitMs: Number.POSITIVE_INFINITY,
};
const healthPath = /^\/(livez|readyz|healthz)(\/|$)/;
const isRead = ({ method }: Call): boolean => method === 'GET' || method === 'HEAD';
const nothing = async (): Promise<void> => undefined;

/** One a request: a class, because there are many of them. */
class Ticket implements Admission, Flow {
  readonly #call: Call;
  readonly #queue: FairQueue;
  readonly #counts: FlowCounts;
  readonly #deadlines: Deadlines;
  readonly #schema: Schema | undefined;
  readonly #kind: 0 | 1;

  constructor(call: Call, queue: FairQueue, counts: FlowCounts, deadlines: Deadlines, schema: Schema | undefined) {
    this.#call = call;
    this.#queue = queue;
    this.#counts = counts;
    this.#deadlines = deadlines;
    this.#schema = schema;
    this.#kind = isRead(call) ? 0 : 1;
  }

  run<T>(work: () => Promise<T>): Promise<T> {
    return this.#queue.run(this, this.#call.over, () => this.#deadlines.run(work));
  }

  begin(): Promise<void> {
    return this.#queue.run(this, this.#call.over, nothing);
  }

  get schemaUid(): string {
    return this.#schema?.uid ?? '';
  }

  get levelUid(): string {
    return this.#schema?.level.uid ?? '';
  }

  /** Leases do not stand in line behind their owner's other requests: who is busy must not lose its leadership for it. */
  key(): string {
    if (this.#schema === undefined) return '';
    const { info, user } = this.#call;
    const { name, distinguisher, level } = this.#schema;
    const own = distinguisher === 'ByNamespace' ? info.namespace : distinguisher || level.exempt ? user.name : '';
    return `${name}/${own}${info.resource === 'leases' ? ' leases' : ''}`;
  }

  waits(): void {
    this.#counts.waiting[this.#kind]++;
  }

  begins(waited: boolean): void {
    if (waited) this.#counts.waiting[this.#kind]--;
    this.#counts.executing[this.#kind]++;
    this.#counts.dispatched++;
  }

  ends(): void {
    this.#counts.executing[this.#kind]--;
  }

  refused(reason: RefusalReason): void {
    const { waiting, refused } = this.#counts;
    waiting[this.#kind]--;
    refused.set(reason, (refused.get(reason) ?? 0) + 1);
  }
}
