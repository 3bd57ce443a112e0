/**
 * How events get to where they are kept. Events that come while one write is under way go out together with the next. An output that cannot
 * take them holds up nobody for long and never in silence: what it loses is counted and told.
 */
import type { Clock } from '../../apimachinery/clock.ts';
import { createTokenBucket } from '../../client/token-bucket.ts';

/** `batch`: nobody waits for a write. `blocking`: a reply waits for it. `blocking-strict`: besides, what cannot be logged is not served. */
export const auditModes = ['batch', 'blocking', 'blocking-strict'] as const;
export type AuditMode = (typeof auditModes)[number];

export interface DeliveryOptions {
  mode: AuditMode;
  /** Events that may wait for a write. */
  bufferSize: number;
  /** In batch mode a write begins when so many events wait, or one has waited so long. */
  batchSize: number;
  batchWaitMs: number;
  /** Writes in batch mode. */
  throttle?: { qps: number; burst: number } | undefined;
  /** Larger events go without their objects. */
  maxEventBytes: number;
  /** What goes out in one write. */
  maxWriteEvents: number;
  maxWriteBytes: number;
}

/** Where events go, as JSON. */
export interface AuditOutput {
  write(events: readonly string[]): Promise<void>;
  /** The server stops: what is still to be written is tried once. */
  hurry?(): void;
  close(): Promise<void>;
}

export interface AuditDelivery {
  readonly strict: boolean;
  /**
   * Resolves when the event is written, or at once where nobody waits; rejects when it is lost and that counts. `event` is asked again
   * without the bodies of the request when it is too long with them.
   */
  write(event: (bodies: boolean) => string): Promise<void>;
  /** Writes what waits. */
  close(): Promise<void>;
}

export interface DeliverySurroundings {
  clock: Clock;
  /** Events that are lost, and why. `unsent`: they never got as far as the output. */
  onLost(count: number, why: unknown, unsent: boolean): void;
}

/** Of events that wait. */
const maxWaitingBytes = 64 * 1024 * 1024;
/** How long a write may hold up replies, and the end of the server. */
const patience = 10_000;

interface Waiting {
  event: string;
  settle: { resolve(): void; reject(why: unknown): void } | undefined;
}

export function createDelivery(
  options: DeliveryOptions,
  output: AuditOutput,
  { clock, onLost }: DeliverySurroundings,
): AuditDelivery {
  const { mode, bufferSize, batchSize, throttle } = options;
  const bucket = createTokenBucket(mode === 'batch' ? (throttle?.qps ?? 0) : 0, throttle?.burst ?? 1, clock);
  const closing = new AbortController();
  const waiting: Waiting[] = [];
  let waitingBytes = 0;
  let running: Promise<void> | undefined;
  /** A write has not come back in time: nobody waits until one does. */
  let stuck = false;
  /** Ends the wait for more events of a batch. */
  let full = new AbortController();

  function lose(events: readonly Waiting[], why: unknown): void {
    onLost(events.length, why, false);
    for (const { settle } of events) settle?.reject(why);
  }

  /** In batch mode, until enough events wait. */
  async function gather(): Promise<void> {
    if (mode !== 'batch') return;
    if (waiting.length < batchSize && !closing.signal.aborted) {
      full = new AbortController();
      await clock.sleep(options.batchWaitMs, full.signal).catch(() => undefined);
    }
    await bucket.take(closing.signal).catch(() => undefined);
  }

  /** What goes out next. */
  function nextWrite(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { event } of waiting) {
      if (count === options.maxWriteEvents || (count > 0 && bytes + event.length > options.maxWriteBytes)) break;
      bytes += event.length;
      count++;
    }
    waitingBytes -= bytes;
    return waiting.splice(0, count);
  }

  async function flush(): Promise<void> {
    while (waiting.length > 0) {
      await gather();
      const events = nextWrite();
      const timer = clock.setTimeout(() => {
        stuck = true;
        const why = new Error(`what was written to the audit log has not been taken for ${patience / 1000} s`);
        for (const { settle } of events) settle?.reject(why);
        onLost(0, why, false);
      }, patience);
      try {
        await output.write(events.map(({ event }) => event));
        for (const { settle } of events) settle?.resolve();
      } catch (error) {
        lose(events, error);
      } finally {
        timer.cancel();
        stuck = false;
      }
    }
    running = undefined;
  }

  return {
    strict: mode === 'blocking-strict',
    write(make) {
      let event = make(true);
      if (event.length > options.maxEventBytes) event = make(false);
      const tooMuch = waiting.length >= bufferSize || waitingBytes + event.length > maxWaitingBytes;
      if (tooMuch || (stuck && mode === 'blocking-strict')) {
        const why = new Error('the audit log takes no more: too much waits to be written');
        onLost(1, why, true);
        return mode === 'batch' ? Promise.resolve() : Promise.reject(why);
      }
      waitingBytes += event.length;
      const written =
        mode === 'batch' || stuck
          ? void waiting.push({ event, settle: undefined })
          : new Promise<void>((resolve, reject) => waiting.push({ event, settle: { resolve, reject } }));
      if (waiting.length >= batchSize) full.abort();
      running ??= Promise.resolve().then(flush);
      return written ?? Promise.resolve();
    },
    async close() {
      closing.abort();
      full.abort();
      output.hurry?.();
      const late = new AbortController();
      const tooLate = clock.sleep(patience, late.signal).then(
        () => onLost(waiting.length, new Error('the server stopped before they could be written'), true),
        () => undefined,
      );
      await Promise.race([running, tooLate]);
      late.abort();
      await output.close();
    },
  };
}
