/** What a watch still has to send: bounded, so that a client that does not read cannot hold the server's memory. */

/** Frames are shared by all watchers of an event: the limit counts what one slow client may keep alive. */
export const watchBufferLimit = { bytes: 16 * 1024 * 1024, frames: 20_000 };

/** A line of bytes, or an event as an object. */
export interface Frame {
  /** Bytes that it keeps alive. */
  readonly length: number;
}

export class FrameBuffer<F extends Frame> {
  #frames: F[] = [];
  #bytes = 0;
  #closed = false;
  #wake: (() => void) | undefined;

  get closed(): boolean {
    return this.#closed;
  }

  /** Over the limit the buffer closes: the watch ends, and its client starts again from its last resourceVersion. */
  push(frame: F): void {
    if (this.#closed) return;
    this.#frames.push(frame);
    this.#bytes += frame.length;
    if (this.#bytes > watchBufferLimit.bytes || this.#frames.length > watchBufferLimit.frames) this.close();
    else this.#wake?.();
  }

  /** No more frames; what is buffered is dropped. */
  close(): void {
    this.#closed = true;
    this.#frames = [];
    this.#wake?.();
  }

  /** The next frames, about `size` bytes of them, as soon as there are any; undefined once closed. */
  async take(size: number): Promise<readonly F[] | undefined> {
    while (this.#frames.length === 0) {
      if (this.#closed) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    const all = this.#frames;
    let count = 0;
    let bytes = 0;
    while (count < all.length && (count === 0 || bytes < size)) bytes += (all[count++] as F).length;
    this.#frames = all.slice(count);
    this.#bytes -= bytes;
    return count === all.length ? all : all.slice(0, count);
  }
}
