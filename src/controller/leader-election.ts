/**
 * One active replica at a time, by a Lease, with client-go's timing: a holder renews every retryPeriod and stops when it could not
 * for renewDeadline; others take over when they have seen no renewal for leaseDuration. What is measured is time that has
 * passed here, never the times written in the Lease, so clocks of machines may differ and may be set.
 *
 *   holder   ask ─▶ answered     (the renewal counts from when it was asked for)
 *            ├──────── renewDeadline ────────▶ stops
 *   others       seen ├──────────── leaseDuration > renewDeadline ────────────▶ take over
 */
import { type Clock, systemClock } from '../apimachinery/clock.ts';
import type { Client } from '../client/client.ts';
import { manyListeners } from '../component/abort.ts';
import { type Logger, silentLogger } from '../component/logging.ts';
import { createLeaseLock, type LeaseLock } from './lease-lock.ts';

export interface LeaderElectionOptions {
  client: Client;
  /** Name and namespace of the Lease. */
  name: string;
  namespace: string;
  /** Default: see lease-lock.ts. */
  identity?: string | undefined;
  /** Milliseconds; defaults 15 s, 10 s and 2 s. */
  leaseDuration?: number | undefined;
  renewDeadline?: number | undefined;
  retryPeriod?: number | undefined;
  /**
   * Called at the moment when leadership is lost. Executables end the process here: work in hand may otherwise write on until
   * it comes to its next look at the signal.
   */
  onLost?: ((error: LeadershipLost) => void) | undefined;
  logger?: Logger | undefined;
  clock?: Clock | undefined;
}

export class LeadershipLost extends Error {
  override readonly name = 'LeadershipLost';
}

/**
 * Waits for leadership, runs `main`, and releases the Lease when `main` has ended, which it does when the signal aborts: until then
 * the Lease is renewed. When leadership is lost, `main`'s signal aborts and LeadershipLost is thrown without waiting for it: the process must
 * end, somebody else is at work.
 */
export async function runWithLeaderElection(
  options: LeaderElectionOptions,
  main: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { name, namespace, clock = systemClock, retryPeriod = 2_000, renewDeadline = 10_000 } = options;
  const logger = (options.logger ?? silentLogger).child({ lease: `${namespace}/${name}` });
  const lock = createLeaseLock({ ...options, leaseDuration: options.leaseDuration ?? 15_000, clock });
  const lost = new AbortController();
  const ended = new AbortController();
  const mainSignal = AbortSignal.any([signal, lost.signal]);
  const stop = AbortSignal.any([ended.signal, lost.signal]);
  manyListeners(mainSignal, stop);
  const lose = (): void => {
    const error = new LeadershipLost(`the lease ${namespace}/${name} could not be renewed within ${renewDeadline} ms`);
    logger.error('Leader election lost', { holder: lock.holder() });
    lost.abort(error);
    options.onLost?.(error);
  };
  let deadline: Timer | undefined;
  /** The deadline of a renewal runs from before it is asked for: others may have seen it as early as that. */
  const attempt = async (inner: AbortSignal): Promise<boolean> => {
    const next = clock.setTimeout(lose, renewDeadline);
    let held = false;
    try {
      // Half of the deadline, as client-go: a server that hangs does not take away all the tries.
      held = await tryOnce(lock, clock, renewDeadline / 2, logger, inner);
      return held;
    } finally {
      (held ? deadline : next)?.cancel();
      if (held) deadline = next;
    }
  };

  logger.info('Attempting to acquire leader lease');
  if (!(await attempt(signal))) {
    logger.info('Waiting for the lease', { holder: lock.holder() });
    await untilFree(lock, clock, retryPeriod, signal, () => attempt(signal));
  }
  logger.info('Successfully acquired lease', { identity: lock.identity });

  const renewing = (async () => {
    while (!stop.aborted) {
      await clock.sleep(retryPeriod, stop);
      await attempt(stop);
    }
  })().catch(() => undefined);
  try {
    await Promise.race([main(mainSignal), untilLost(lost.signal)]);
  } finally {
    deadline?.cancel();
    ended.abort();
    await renewing;
    if (!lost.signal.aborted)
      await lock
        .release(AbortSignal.timeout(5_000))
        .catch((error) => logger.warn('Failed to release the lease', { err: error }));
  }
}

interface Timer {
  cancel(): void;
}

const untilLost = (lost: AbortSignal): Promise<never> =>
  new Promise((_, reject) => lost.addEventListener('abort', () => reject(lost.reason), { once: true }));

/** False when the Lease is another's, or the server did not say in time; throws only when `signal` aborts. */
async function tryOnce(
  lock: LeaseLock,
  clock: Clock,
  timeoutMs: number,
  logger: Logger,
  signal: AbortSignal,
): Promise<boolean> {
  signal.throwIfAborted();
  const own = new AbortController();
  const abort = (): void => own.abort(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  const timer = clock.setTimeout(() => own.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  try {
    return await lock.acquireOrRenew(own.signal);
  } catch (error) {
    signal.throwIfAborted();
    logger.warn('Failed to acquire or renew the lease', { err: error });
    return false;
  } finally {
    timer.cancel();
    signal.removeEventListener('abort', abort);
  }
}

/**
 * Tries after each retry period, with client-go's jitter, and at once when the holder gives the Lease up. Who may not watch Leases
 * (upstream's rules for agents) only has the tries.
 */
async function untilFree(
  lock: LeaseLock,
  clock: Clock,
  retryPeriod: number,
  signal: AbortSignal,
  attempt: () => Promise<boolean>,
): Promise<void> {
  const over = new AbortController();
  let wake = (): void => undefined;
  const abort = (): void => {
    over.abort(signal.reason);
    wake();
  };
  signal.addEventListener('abort', abort, { once: true });
  const watching = (async () => {
    for (;;) {
      await lock.watchReleases(() => wake(), over.signal).catch(() => undefined);
      await clock.sleep(retryPeriod * 5, over.signal);
    }
  })().catch(() => undefined);
  try {
    do {
      await new Promise<void>((resolve) => {
        const timer = clock.setTimeout(resolve, retryPeriod * (1 + Math.random() * 0.2));
        wake = () => {
          timer.cancel();
          resolve();
        };
      });
    } while (!(await attempt()));
  } finally {
    signal.removeEventListener('abort', abort);
    over.abort(new Error('the wait is over'));
    await watching;
  }
}
