/** AbortSignal.any keeps its sources' listeners for their whole life on Node 20; this one lets go when told to. */
import { setMaxListeners } from 'node:events';

/** Why a request is over. One for all: an error of its own for each, as `abort()` makes it, costs more than a small reply. */
export const requestOver = new DOMException('the request is over', 'AbortError');

export interface LinkedAbort {
  readonly signal: AbortSignal;
  abort(): void;
  /** Forgets the sources. */
  release(): void;
}

/** A controller that many requests may listen to at a time, without Node's warning about leaks. */
export function sharedAbort(): AbortController {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  return controller;
}

/** Aborts when any of the sources does. Call `release` when the work is over. */
export function linkAbort(...sources: readonly AbortSignal[]): LinkedAbort {
  const controller = new AbortController();
  const abort = (): void => controller.abort(requestOver);
  for (const source of sources) {
    if (source.aborted) abort();
    else source.addEventListener('abort', abort, { once: true });
  }
  return {
    signal: controller.signal,
    abort,
    release() {
      for (const source of sources) source.removeEventListener('abort', abort);
    },
  };
}

/** What most of a request's way asks: whether it is over. An AbortSignal says it, and so does a LazyAbort. */
export interface Ending {
  readonly aborted: boolean;
}

/** A controller whose signal is made when somebody first asks for it: it costs as much as the rest of a small request's bookkeeping. */
export class LazyAbort implements Ending {
  #controller: AbortController | undefined;
  #aborted = false;

  get aborted(): boolean {
    return this.#aborted;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(requestOver);
    }
    return this.#controller.signal;
  }

  abort(): void {
    this.#aborted = true;
    this.#controller?.abort(requestOver);
  }
}
