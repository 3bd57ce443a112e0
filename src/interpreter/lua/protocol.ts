/** What a Lua worker is asked and what it answers. Values travel as JSON text. */
import type { Limit } from './budget.ts';

export interface CallRequest {
  /** Shown in error messages before the line. */
  chunk: string;
  script: string;
  function: string;
  /** JSON values; undefined becomes nil. */
  args: readonly unknown[];
  /** How many results are read. */
  results: number;
  /**
   * Inputs whose empty fields tell what an empty table at the same path of the result is: an object or a list. Without one, an
   * empty table below the top is left out.
   */
  references?: readonly unknown[];
}

export type WorkerRequest = { id: number; compile: { chunk: string; script: string } } | { id: number; call: string };

export interface CallOutcome {
  /** undefined: nil. */
  values?: unknown[];
  /** Why there are no values. */
  error?: string;
  /** The limit that ended the run. */
  limit?: Limit;
}

export type WorkerAnswer = { ready: true } | { id: number; outcome: string };
