/** Forgets old revisions: what is older than five to ten minutes can no longer be listed or watched from. */
import type { Clock } from '../../apimachinery/clock.ts';
import type { Store } from '../../storage/store.ts';

const interval = 5 * 60_000;

export function startCompaction(store: Store, clock: Clock): { stop(): void } {
  const stopped = new AbortController();
  void run(store, clock, stopped.signal);
  return { stop: () => stopped.abort() };
}

/** The revision of one round is compacted in the next: a watch has at least one interval to come back. */
async function run(store: Store, clock: Clock, signal: AbortSignal): Promise<void> {
  let previous = await store.revision();
  let compacted = 0;
  while (!signal.aborted) {
    try {
      await clock.sleep(interval, signal);
      if (previous > compacted) await store.compact(previous);
      compacted = previous;
      previous = await store.revision();
    } catch (error) {
      if (signal.aborted) return;
      process.stderr.write(`apiserver: compaction failed, it is tried again: ${String(error)}\n`);
    }
  }
}
