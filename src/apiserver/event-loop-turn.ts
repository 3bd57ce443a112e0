/** Keeps sockets and timers served where the work of this process could go on without ever waiting for either. */

/** Requests from within the process may keep the event loop so long. */
const sliceMs = 10;

let sliceEnd = 0;
let waiting: Promise<void> | undefined;

/**
 * Resolves at once while this turn of the event loop is young, otherwise in the next one. Callers in this process wait on
 * promises only, which the event loop prefers to everything else.
 */
export function eventLoopTurn(): Promise<void> | undefined {
  if (waiting !== undefined) return waiting;
  if (performance.now() < sliceEnd) return undefined;
  waiting = new Promise((resolve) => {
    setImmediate(() => {
      waiting = undefined;
      sliceEnd = performance.now() + sliceMs;
      resolve();
    });
  });
  return waiting;
}
