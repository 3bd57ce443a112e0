/**
 * Watches of one store, whatever keeps its data. The backend publishes each commit here and can read its log.
 *
 * The states of a watcher; `position` is the last revision it is known to have seen:
 *
 *        first next()
 *             │
 *             ▼    position < oldest
 *   ┌──▶  BEHIND ───────────────────────▶ FAILED (CompactedError)
 *   │        │  ▲ │
 *   │        │  └─┘ reads one piece of the log, hands it out; position = last revision read
 *   │        │ position = head, nothing left to read
 *   │        ▼
 *   │      LIVE     commits are pushed into its buffer; next() takes all of it, position = head
 *   └────────┘      the buffer would grow past its limit: it is dropped, position stays where next() left it
 *
 *   any state ── signal aborts, iteration is left, store closes ──▶ ENDED
 *
 * The step BEHIND → LIVE and a publish each run in one piece, so no commit falls between the log and the buffer. A slow
 * watcher costs the others nothing: past its limit it keeps no data and reads the log again at its own pace.
 */
import { CompactedError, type StoreEvent, type WatchOptions } from './store.ts';

export interface LogPiece {
  /** Matching events, whole revisions, in order. */
  events: StoreEvent[];
  /** Everything up to this revision has been looked at. */
  position: number;
}

export interface FeedSource {
  /** The oldest revision that can be watched from. */
  oldest(): number;
  /** Reads matching events with `after` < revision ≤ `upTo`; may stop early, but never within a revision. */
  readLog(prefix: string, after: number, upTo: number): LogPiece;
}

/** Events a live watcher may leave unread before it has to read the log again. */
const bufferLimit = 4096;

export interface WatchFeed {
  /** The newest published revision. */
  readonly head: number;
  /** Hands the events of whole revisions to live watchers. Cost: the events, times the watchers that match them. */
  publish(events: readonly StoreEvent[], head: number): void;
  watch(options: WatchOptions): AsyncIterable<readonly StoreEvent[]>;
  /** Ends every watch. */
  close(): void;
}

export function createWatchFeed(source: FeedSource, initialHead: number): WatchFeed {
  let head = initialHead;
  let closed = false;
  const live = new PrefixIndex();
  const watchers = new Set<Watcher>();

  class Watcher implements AsyncIterator<readonly StoreEvent[]> {
    readonly prefix: string;
    private readonly signal: AbortSignal;
    private state: 'behind' | 'live' | 'ended' = 'behind';
    private position: number;
    private buffer: StoreEvent[] = [];
    private wake: (() => void) | undefined;
    private readonly onAbort = (): void => this.end();

    constructor(options: WatchOptions) {
      this.prefix = options.prefix;
      this.position = options.after;
      this.signal = options.signal;
      if (closed || options.signal.aborted) this.state = 'ended';
      else {
        watchers.add(this);
        options.signal.addEventListener('abort', this.onAbort, { once: true });
      }
    }

    async next(): Promise<IteratorResult<readonly StoreEvent[]>> {
      while (this.state !== 'ended') {
        if (this.state === 'behind') {
          const events = this.catchUp();
          if (events.length > 0) return { done: false, value: events };
          // Still behind after a piece without matches: let others work before the next one.
          if (this.state === 'behind') await new Promise<void>((resolve) => setImmediate(resolve));
        } else if (this.buffer.length > 0) {
          const value = this.buffer;
          this.buffer = [];
          this.position = Math.max(this.position, head);
          return { done: false, value };
        } else {
          this.position = Math.max(this.position, head);
          await new Promise<void>((resolve) => {
            this.wake = resolve;
          });
        }
      }
      return { done: true, value: undefined };
    }

    async return(): Promise<IteratorResult<readonly StoreEvent[]>> {
      this.end();
      return { done: true, value: undefined };
    }

    private catchUp(): StoreEvent[] {
      if (this.position < source.oldest()) {
        const error = new CompactedError(this.position, source.oldest());
        this.end();
        throw error;
      }
      if (this.position < head) {
        const piece = source.readLog(this.prefix, this.position, head);
        this.position = piece.position;
        if (this.position < head) return piece.events;
        this.goLive();
        return piece.events;
      }
      this.goLive();
      return [];
    }

    private goLive(): void {
      this.state = 'live';
      live.add(this);
    }

    /** Called by publish; the reader is woken once the whole commit is in. */
    push(event: StoreEvent): void {
      if (this.state !== 'live' || event.revision <= this.position) return;
      // All that was published before has been taken: only what follows could have to be read again.
      if (this.buffer.length === 0) this.position = Math.max(this.position, head);
      if (this.buffer.length >= bufferLimit) {
        this.buffer = [];
        this.state = 'behind';
        live.delete(this);
      } else this.buffer.push(event);
    }

    notify(): void {
      this.wake?.();
      this.wake = undefined;
    }

    end(): void {
      if (this.state === 'ended') return;
      if (this.state === 'live') live.delete(this);
      this.state = 'ended';
      this.buffer = [];
      this.signal.removeEventListener('abort', this.onAbort);
      watchers.delete(this);
      this.notify();
    }
  }

  return {
    get head() {
      return head;
    },
    publish(events, newHead) {
      const touched = new Set<Watcher>();
      for (const event of events) {
        live.forEachMatch(event.type === 'put' ? event.kv.key : event.key, (watcher) => {
          touched.add(watcher as Watcher);
          (watcher as Watcher).push(event);
        });
      }
      head = newHead;
      for (const watcher of touched) watcher.notify();
    },
    watch: (options) => ({ [Symbol.asyncIterator]: () => new Watcher(options) }),
    close() {
      closed = true;
      for (const watcher of [...watchers]) watcher.end();
    },
  };
}

/** Finds the watchers of a key with one look-up per distinct length of prefix, however many watchers there are. */
class PrefixIndex {
  private readonly byPrefix = new Map<string, Set<{ readonly prefix: string }>>();
  private readonly countByLength = new Map<number, number>();

  add(watcher: { readonly prefix: string }): void {
    const set = this.byPrefix.get(watcher.prefix);
    if (set) set.add(watcher);
    else {
      this.byPrefix.set(watcher.prefix, new Set([watcher]));
      const length = watcher.prefix.length;
      this.countByLength.set(length, (this.countByLength.get(length) ?? 0) + 1);
    }
  }

  delete(watcher: { readonly prefix: string }): void {
    const set = this.byPrefix.get(watcher.prefix);
    if (!set?.delete(watcher) || set.size > 0) return;
    this.byPrefix.delete(watcher.prefix);
    const length = watcher.prefix.length;
    const count = (this.countByLength.get(length) ?? 1) - 1;
    if (count === 0) this.countByLength.delete(length);
    else this.countByLength.set(length, count);
  }

  forEachMatch(key: string, visit: (watcher: { readonly prefix: string }) => void): void {
    for (const length of this.countByLength.keys()) {
      if (length > key.length) continue;
      const set = this.byPrefix.get(key.slice(0, length));
      if (set) for (const watcher of [...set]) visit(watcher);
    }
  }
}
