/**
 * A controller turns keys into reconciliations. Reconciliation is level-triggered: `reconcile` reads the world from caches,
 * computes what should be and writes only the difference; it may be called any number of times for the same state.
 */

import { type Clock, systemClock } from '../apimachinery/clock.ts';
import { isConflict } from '../apimachinery/status-error.ts';
import { createTokenBucket } from '../client/token-bucket.ts';
import { manyListeners } from '../component/abort.ts';
import { type Logger, silentLogger } from '../component/logging.ts';
import type { Registry } from '../component/metrics.ts';
import { createControllerMetrics } from './controller-metrics.ts';
import type { WorkLoad } from './event-pace.ts';
import { createRetryDelays } from './retry-delays.ts';
import { createWorkQueue } from './work-queue.ts';

/** Nothing: done until the next event. `requeueAfter` (ms): look again then, whatever happens. Throwing: back off and retry. */
export type ReconcileResult = undefined | { requeueAfter: number };

// biome-ignore lint/suspicious/noConfusingVoidType: an async function without a return statement is a fine reconciler
export type Reconcile = (key: string, signal: AbortSignal) => Promise<ReconcileResult | void>;

export interface ControllerOptions {
  /** Upstream's controller name; labels metrics and log lines. */
  name: string;
  reconcile: Reconcile;
  /** Keys in work at once; one key is never in work twice. Default 1. */
  workers?: number | undefined;
  /** Back-off of failing keys: base·2ⁿ up to max, in ms. Defaults 5 and 1,000,000 (upstream's). */
  baseDelay?: number | undefined;
  maxDelay?: number | undefined;
  /** A bucket over the retries of all keys. Without it only each key's own back-off counts. */
  retryQps?: number | undefined;
  retryBurst?: number | undefined;
  /** Told how many keys wait. */
  load?: WorkLoad | undefined;
  logger?: Logger | undefined;
  registry?: Registry | undefined;
  clock?: Clock | undefined;
}

export interface Controller {
  readonly name: string;
  /** Adds a key; duplicates of a waiting key are merged. Lower-priority keys (default 0) run after all higher ones. */
  enqueue(key: string, options?: { afterMs?: number; priority?: number }): void;
  /** Works until the signal aborts, then finishes the keys in hand and resolves. */
  run(signal: AbortSignal): Promise<void>;
}

/** Timers count in 31 bits; a key that waits longer is looked at once in between. */
const longestWaitMs = 2 ** 31 - 1;
/** Reconciling keys may keep the event loop so long at most before I/O gets its turn. */
const sliceMs = 8;

export function createController(options: ControllerOptions): Controller {
  const { name, reconcile, workers = 1, baseDelay = 5, maxDelay = 1_000_000, clock = systemClock } = options;
  const logger = (options.logger ?? silentLogger).child({ controller: name });
  const queue = createWorkQueue(clock);
  const bucket =
    options.retryQps === undefined ? undefined : createTokenBucket(options.retryQps, options.retryBurst ?? 100, clock);
  const delays = createRetryDelays(baseDelay, maxDelay, bucket);
  const metrics = createControllerMetrics(options.registry, name, workers, () => queue.length);

  const runKey = async (key: string, signal: AbortSignal): Promise<void> => {
    const finish = metrics.started();
    try {
      const result = await reconcile(key, signal);
      delays.forget(key);
      if (result?.requeueAfter !== undefined) {
        const afterMs = Math.min(Math.max(1, result.requeueAfter), longestWaitMs);
        queue.add(key, { afterMs });
      }
      finish(result === undefined ? 'success' : 'requeue_after');
    } catch (error) {
      if (signal.aborted) return finish('success');
      const afterMs = delays.next(key);
      const fields = { key, err: error, retryInMs: Math.round(afterMs), failures: delays.failures(key) };
      // A conflict only says that the cache was a moment behind.
      if (isConflict(error)) logger.debug('Reconciling again', fields);
      else logger.warn('Reconciler error', fields);
      finish('error');
      queue.add(key, { afterMs });
    }
  };

  const work = async (signal: AbortSignal): Promise<void> => {
    let sliceStart = performance.now();
    for (;;) {
      const waiting = queue.length === 0;
      const key = await queue.take();
      if (key === undefined) return;
      if (waiting) sliceStart = performance.now();
      else if (performance.now() - sliceStart > sliceMs) {
        await new Promise((resolve) => setImmediate(resolve));
        sliceStart = performance.now();
      }
      try {
        await runKey(key, signal);
      } finally {
        queue.done(key);
      }
    }
  };

  return {
    name,
    enqueue(key, added) {
      queue.add(key, added);
      metrics.added();
    },
    async run(signal) {
      manyListeners(signal);
      if (signal.aborted) queue.close();
      else signal.addEventListener('abort', () => queue.close(), { once: true });
      logger.info('Starting workers', { workers });
      const uncount = options.load?.add(() => queue.length);
      await Promise.all(Array.from({ length: workers }, () => work(signal)));
      uncount?.();
    },
  };
}
