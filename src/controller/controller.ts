/**
 * A controller turns keys into reconciliations. Reconciliation is level-triggered: `reconcile` reads the world from caches,
 * computes what should be and writes only the difference; it may be called any number of times for the same state.
 */

/** Nothing: done until the next event. `requeueAfter` (ms): look again then, whatever happens. Throwing: back off and retry. */
export type ReconcileResult = undefined | { requeueAfter: number };

export type Reconcile = (key: string, signal: AbortSignal) => Promise<ReconcileResult | void>;

export interface ControllerOptions {
  /** Upstream's controller name; labels metrics and log lines. */
  name: string;
  reconcile: Reconcile;
  /** Keys in work at once; one key is never in work twice. Default 1. */
  workers?: number;
  /** Back-off of failing keys: base·2ⁿ up to max, in ms. Defaults 5 and 1,000,000 (upstream's). */
  baseDelay?: number;
  maxDelay?: number;
}

export interface Controller {
  readonly name: string;
  /** Adds a key; duplicates of a waiting key are merged. Lower-priority keys (default 0) run after all higher ones. */
  enqueue(key: string, options?: { afterMs?: number; priority?: number }): void;
  /** Works until the signal aborts, then finishes the keys in hand and resolves. */
  run(signal: AbortSignal): Promise<void>;
}
