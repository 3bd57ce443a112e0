/**
 * Group commit: plans that wait are worked out against the committed state, in order, and written in one durable LMDB
 * transaction. While a commit is under way the next group gathers; so one fsync serves all who wait for it.
 */
import type { KeyValue, StoreEvent } from '../store.ts';
import { type Address, encodeRevision, metaKeys, type Table, type Tables } from './tables.ts';

/** Bounds the time one group holds the event loop. */
const maxPlansPerCommit = 512;

type Operation = { table: Table; key: Buffer; value: Buffer | undefined };

/** Where a key's newest change stands; `current` is undefined when that is a deletion, `address` when there is none. */
export interface KeyState {
  address: Address | undefined;
  current: KeyValue | undefined;
}

/** What the plans of one group have decided so far. */
export class PendingCommit {
  readonly operations: Operation[] = [];
  readonly events: StoreEvent[] = [];
  /** Keys written in this group, as they will be. */
  readonly keys = new Map<string, KeyState>();
  revision: number;

  constructor(revision: number) {
    this.revision = revision;
  }

  put(table: Table, key: Buffer, value: Buffer): void {
    this.operations.push({ table, key, value });
  }

  remove(table: Table, key: Buffer): void {
    this.operations.push({ table, key, value: undefined });
  }
}

/** Decides synchronously; must not throw after it has added something. */
export type Plan<T> = (pending: PendingCommit) => T;

interface Waiting {
  plan: Plan<unknown>;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

export interface CommitQueue {
  /** Resolves with the plan's result once everything its group wrote is durable. */
  submit<T>(plan: Plan<T>): Promise<T>;
  /** Resolves when nothing waits or is under way. */
  idle(): Promise<void>;
}

/**
 * `head` is the newest committed revision; `committed` is called after each commit, before its plans resolve.
 * `failed` is called when a commit failed; it must find out what is on disk.
 */
export function createCommitQueue(
  tables: Tables,
  head: () => number,
  committed: (events: readonly StoreEvent[], revision: number) => void,
  failed: () => void,
): CommitQueue {
  let waiting: Waiting[] = [];
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    // One turn of the loop, so that what arrives together is written together.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (waiting.length > 0) {
      const group = waiting.slice(0, maxPlansPerCommit);
      waiting = waiting.slice(maxPlansPerCommit);
      await commit(group);
    }
    // In the same step as the check: a plan submitted from now on starts a new run.
    running = undefined;
  }

  async function commit(group: readonly Waiting[]): Promise<void> {
    const pending = new PendingCommit(head());
    const outcomes = group.map(({ plan }) => {
      try {
        return { value: plan(pending) };
      } catch (error) {
        return { error };
      }
    });
    try {
      if (pending.operations.length > 0) {
        if (pending.revision > head())
          pending.put(tables.meta, metaKeys.revision, encodeRevision(metaKeys.revision, pending.revision));
        await write(pending.operations);
        committed(pending.events, pending.revision);
      }
    } catch (cause) {
      failed();
      const error = new Error(`storage: the commit failed: ${reasonOf(cause)}`, { cause });
      for (const { reject } of group) reject(error);
      return;
    }
    for (const [i, { resolve, reject }] of group.entries()) {
      const outcome = outcomes[i] as { value: unknown } | { error: unknown };
      if ('error' in outcome) reject(outcome.error);
      else resolve(outcome.value);
    }
  }

  async function write(operations: readonly Operation[]): Promise<void> {
    try {
      const written = tables.root.batch(() => {
        let last: Promise<boolean> | undefined;
        for (const { table, key, value } of operations) {
          const done = value === undefined ? table.remove(key) : table.put(key, value);
          // Some of them are rejected together with the batch, which is where the failure is seen to.
          if (done !== last) done.catch(ignore);
          last = done;
        }
      });
      // lmdb-js wraps the batch in one of this turn, made in the next, whose promise nobody but us can see to.
      setImmediate(() => void tables.root.committed.then(ignore, ignore));
      await written;
    } catch (error) {
      // lmdb-js rejects with a general error that carries a promise of the particular one.
      throw await commitErrorOf(error);
    }
  }

  return {
    submit: <T>(plan: Plan<T>) =>
      new Promise<T>((resolve, reject) => {
        waiting.push({ plan, resolve: resolve as (value: unknown) => void, reject });
        running ??= run();
      }),
    async idle() {
      while (running) await running;
    },
  };
}

async function commitErrorOf(error: unknown): Promise<unknown> {
  const detail = (error as { commitError?: Promise<unknown> }).commitError;
  if (!(detail instanceof Promise)) return error;
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise((resolve) => {
    timer = setTimeout(resolve, 1000, error);
  });
  return Promise.race([detail.catch((cause: unknown) => cause), timeout]).finally(() => clearTimeout(timer));
}

const ignore = (): void => undefined;

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
