/** What became of the requests of one kind of flow. */
import type { RefusalReason } from './fair-queue.ts';

export interface FlowCounts {
  dispatched: number;
  /** Reads and writes, now. */
  executing: [number, number];
  waiting: [number, number];
  refused: Map<RefusalReason, number>;
}

export const noCounts = (): FlowCounts => ({ dispatched: 0, executing: [0, 0], waiting: [0, 0], refused: new Map() });
