/** When to compact: history is kept for a time, but no more of it than a number of revisions and of bytes. */
import { type Clock, systemClock } from '../apimachinery/clock.ts';
import type { Store } from './store.ts';

export interface CompactionLimits {
  /** History younger than this is kept. Default 5 minutes. */
  keepMs?: number;
  /** But no more than this many revisions. Default 100,000. */
  keepRevisions?: number;
  /** And of what was written since the start no more than this many bytes; the last interval is kept in any case. Default 512 MiB. */
  keepBytes?: number;
  /** Default 10 seconds. */
  intervalMs?: number;
}

export interface CompactionOptions extends CompactionLimits {
  clock?: Clock;
  /** A failed pass; the next one tries again. */
  onError?(error: unknown): void;
}

export const defaultCompaction = {
  keepMs: 300_000,
  keepRevisions: 100_000,
  keepBytes: 512 * 1024 * 1024,
  intervalMs: 10_000,
} as const;

/** Where the store stood at a past time. */
interface Mark {
  time: number;
  revision: number;
  writtenBytes: number;
}

/** Compacts in the background until the signal aborts. An idle store is left alone. */
export async function startCompaction(
  store: Store,
  signal: AbortSignal,
  options: CompactionOptions = {},
): Promise<void> {
  const { keepMs, keepRevisions, keepBytes, intervalMs, clock = systemClock } = { ...defaultCompaction, ...options };
  /** Oldest first. */
  const marks: Mark[] = [];
  while (!signal.aborted) {
    try {
      const mark = { time: clock.now(), revision: await store.revision(), ...(await store.stats()) };
      if (marks.at(-1)?.revision !== mark.revision) marks.push(mark);
      const boundary = Math.max(
        revisionBefore(marks, mark.time - keepMs),
        revisionWithin(marks, mark.writtenBytes - keepBytes),
        mark.revision - keepRevisions,
      );
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
function revisionBefore(marks: Mark[], time: number): number {
  while (marks.length > 1 && (marks[1] as Mark).time <= time) marks.shift();
  const first = marks[0];
  return first && first.time <= time ? first.revision : 0;
}

/** The oldest revision seen since so many bytes were written, but not the newest; 0 when all marks are within. */
function revisionWithin(marks: readonly Mark[], writtenBytes: number): number {
  const first = marks.findIndex((mark) => mark.writtenBytes >= writtenBytes);
  return first === 0 ? 0 : (marks[Math.min(first, marks.length - 2)]?.revision ?? 0);
}
