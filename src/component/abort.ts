/** AbortSignals that live long or short. */
import { setMaxListeners } from 'node:events';

/** Many things wait for the end of a process's signal: that is no leak, and no warning is wanted. */
export function manyListeners(...signals: AbortSignal[]): void {
  setMaxListeners(0, ...signals);
}

/** Resolves when the signal aborts. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/**
 * Runs `work` with a signal that also aborts after `ms`. Unlike AbortSignal.any it leaves nothing behind on a long-lived
 * signal: Node keeps a reference for every combination ever made.
 */
export async function withTimeout<T>(
  signal: AbortSignal | undefined,
  ms: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const own = new AbortController();
  const abort = (): void => own.abort(signal?.reason);
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });
  const late = (): Error => Object.assign(new Error(`no answer within ${ms} ms`), { code: 'ETIMEDOUT' });
  const timer = setTimeout(() => own.abort(late()), ms);
  try {
    return await work(own.signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
  }
}
