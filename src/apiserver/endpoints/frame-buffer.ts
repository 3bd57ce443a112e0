/** What a watch still has to send: bounded, so that a client that does not read cannot hold the server's memory. */

/** Frames are shared by all watchers of an event: the limit counts what one slow client may keep alive. */
export const watchBufferLimit = { bytes: 16 * 1024 * 1024, frames: 20_000 };

export class FrameBuffer {
  #frames: Buffer[] = [];
  #bytes = 0;
  #closed = false;
  #wake: (() => void) | undefined;

  get closed(): boolean {
    return this.#closed;
  }

  /** Over the limit the buffer closes: the watch ends, and its client starts again from its last resourceVersion. */
  push(frame: Buffer): void {
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
  async take(size: number): Promise<Buffer | undefined> {
    while (this.#frames.length === 0) {
      if (this.#closed) return undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
    if (this.#frames.length === 1) {
      const only = this.#frames[0] as Buffer;
      this.#frames = [];
      this.#bytes = 0;
      return only;
    }
    let count = 0;
    let bytes = 0;
    while (count < this.#frames.length && (count === 0 || bytes < size))
      bytes += (this.#frames[count++] as Buffer).length;
    const chunk = Buffer.concat(this.#frames.slice(0, count), bytes);
    this.#frames = this.#frames.slice(count);
    this.#bytes -= bytes;
    return chunk;
  }
}
