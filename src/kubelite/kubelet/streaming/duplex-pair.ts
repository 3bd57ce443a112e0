/** A connection within the process: what is written to one end is read from the other. */
import { Duplex } from 'node:stream';

class End extends Duplex {
  other: End | undefined;
  #taken: (() => void) | undefined;

  override _read(): void {
    const taken = this.#taken;
    this.#taken = undefined;
    taken?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error) => void): void {
    if (this.other === undefined) callback(new Error('write EPIPE'));
    else this.other.#receive(chunk, callback);
  }

  override _final(callback: () => void): void {
    if (this.other === undefined) callback();
    else this.other.#receive(null, callback);
  }

  /** The other end reads what was written before, then its end. */
  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    const { other } = this;
    this.other = undefined;
    this._read();
    if (other !== undefined) {
      other.other = undefined;
      if (!other.destroyed && !other.readableEnded) other.push(null);
    }
    callback(error);
  }

  #receive(chunk: Buffer | null, taken: () => void): void {
    if (chunk === null) {
      this.push(null);
      taken();
    } else if (this.push(chunk)) taken();
    else this.#taken = taken;
  }
}

/** Destroying one end ends the other. Back-pressure is that of the reader. */
export function createDuplexPair(): [Duplex, Duplex] {
  const one = new End();
  const two = new End();
  one.other = two;
  two.other = one;
  return [one, two];
}
