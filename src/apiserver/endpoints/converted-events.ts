/** Events of a watch whose objects a webhook has to convert: they wait in line, and go on in their order. */
import type { ResourceDefinition } from '../../apimachinery/resource-definition.ts';
import { prepareViews } from '../registry/converted-views.ts';
import type { CacheEvent } from '../registry/watch-cache.ts';
import type { Frame, FrameBuffer } from './frame-buffer.ts';

/** Events that may wait for a webhook; more end the watch, and its client begins anew. */
const maxWaiting = 1000;

export class ConvertedEvents<F extends Frame> {
  readonly #definition: ResourceDefinition;
  readonly #buffer: FrameBuffer<F>;
  readonly #frame: (event: CacheEvent) => F | undefined;
  /** Why the buffer was closed, if a conversion failed. */
  failure: unknown;
  #waiting: CacheEvent[] = [];
  #running = false;

  constructor(definition: ResourceDefinition, buffer: FrameBuffer<F>, frame: (event: CacheEvent) => F | undefined) {
    this.#definition = definition;
    this.#buffer = buffer;
    this.#frame = frame;
  }

  /** Nothing waits: the buffer has all that came in. */
  get idle(): boolean {
    return !this.#running;
  }

  add(event: CacheEvent): void {
    // The encodings that watchers share are dropped when the event has been handed out, which is before it is converted.
    this.#waiting.push({ ...event, encodings: new Map() });
    if (this.#waiting.length > maxWaiting) this.#buffer.close();
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    try {
      for (let batch = this.#waiting; batch.length > 0 && !this.#buffer.closed; batch = this.#waiting) {
        this.#waiting = [];
        for (const event of batch) {
          await prepareEvent(event, this.#definition);
          const frame = this.#frame(event);
          if (frame !== undefined) this.#buffer.push(frame);
        }
      }
    } catch (error) {
      this.failure = error;
      this.#buffer.close();
    } finally {
      this.#running = false;
    }
  }
}

/** What the selectors and the encoder look at: the object, what it was, and how a watcher is told that it is gone. */
export async function prepareEvent(event: CacheEvent, definition: ResourceDefinition): Promise<void> {
  if (definition.storage?.convert === undefined) return;
  const { current, previous } = event;
  await prepareViews(
    [current, previous].filter((object) => object !== undefined),
    definition,
  );
  if (previous !== undefined) await prepareViews([event.gone()], definition);
}
