/** When to compact: history is kept for a time, but no more of it than a number of revisions. */
import { type Clock, systemClock } from '../apimachinery/clock.ts';
import type { Store } from './store.ts';

export interface CompactionOptions {
  /** History younger than this is kept. Default 5 minutes. */
  keepMs?: number;
  /** But no more than this many revisions. Default 100,000. */
  keepRevisions?: number;
  /** Default 30 seconds. */
  intervalMs?: number;
  clock?: Clock;
  /** A failed pass; the next one tries again. */
  onError?(error: unknown): void;
}

/** Compacts in the background until the signal aborts. An idle store is left alone. */
export async function startCompaction(
  store: Store,
  signal: AbortSignal,
  options: CompactionOptions = {},
): Promise<void> {
  const { keepMs = 300_000, keepRevisions = 100_000, intervalMs = 30_000, clock = systemClock } = options;
  /** Newest revisions at past times, oldest first. */
  const marks: { time: number; revision: number }[] = [];
  while (!signal.aborted) {
    try {
      const revision = await store.revision();
      const now = clock.now();
      if (marks.at(-1)?.revision !== revision) marks.push({ time: now, revision });
      const boundary = Math.max(revisionBefore(marks, now - keepMs), revision - keepRevisions);
      if (boundary > (await store.oldestRevision())) await store.compact(boundary);
    } catch (error) {
      if (!signal.aborted) options.onError?.(error);
    }
    try {
      await clock.sleep(intervalMs, signal);
    } catch {
      return;
    }
  }
}

/** The newest revision seen at or before `time`; marks before it are dropped. 0 when none is that old. */
function revisionBefore(marks: { time: number; revision: number }[], time: number): number {
  while (marks.length > 1 && (marks[1] as { time: number }).time <= time) marks.shift();
  const first = marks[0];
  return first && first.time <= time ? first.revision : 0;
}
