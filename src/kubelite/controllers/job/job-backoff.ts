/** How long a Job waits before it replaces failed pods: base·2ⁿ of the failures since the last success. */

export interface JobBackoffOptions {
  baseMs: number;
  maxMs: number;
}

export interface JobBackoff {
  /** Times in ms at which pods failed. */
  failed(job: string, times: readonly number[]): void;
  succeeded(job: string): void;
  /** Milliseconds until the next pod may be made. */
  left(job: string, now: number): number;
  forget(job: string): void;
}

export function createJobBackoff({ baseMs, maxMs }: JobBackoffOptions): JobBackoff {
  const records = new Map<string, { failures: number; lastAt: number }>();
  return {
    failed(job, times) {
      if (times.length === 0) return;
      const record = records.get(job) ?? { failures: 0, lastAt: 0 };
      record.failures += times.length;
      record.lastAt = Math.max(record.lastAt, ...times);
      records.set(job, record);
    },
    succeeded: (job) => void records.delete(job),
    left(job, now) {
      const record = records.get(job);
      if (record === undefined) return 0;
      const pause = Math.min(baseMs * 2 ** (record.failures - 1), maxMs);
      return Math.max(0, record.lastAt + pause - now);
    },
    forget: (job) => void records.delete(job),
  };
}
