/** Keys in order, in blocks: putting one in or taking one out moves a few hundred others, however many there are. */

/** A block that grows beyond this becomes two. */
const maxBlock = 1024;

export class SortedKeys {
  /** None of them is empty, unless it is the only one. */
  #blocks: string[][] = [[]];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Takes the place of all keys; `sorted` is in order, each key once. */
  load(sorted: readonly string[]): void {
    this.#blocks = [];
    for (let at = 0; at < sorted.length; at += maxBlock / 2) this.#blocks.push(sorted.slice(at, at + maxBlock / 2));
    if (this.#blocks.length === 0) this.#blocks.push([]);
    this.#size = sorted.length;
  }

  /** The key is not there yet. */
  add(key: string): void {
    const index = this.#blockFor(key);
    const block = this.#blocks[index] as string[];
    block.splice(positionIn(block, key), 0, key);
    this.#size++;
    if (block.length > maxBlock) this.#blocks.splice(index + 1, 0, block.splice(maxBlock / 2));
  }

  /** The key is there. */
  remove(key: string): void {
    const index = this.#blockFor(key);
    const block = this.#blocks[index] as string[];
    block.splice(positionIn(block, key), 1);
    this.#size--;
    if (block.length === 0 && this.#blocks.length > 1) this.#blocks.splice(index, 1);
  }

  /** From the first key that is not before `start`. The keys must not change meanwhile. */
  *from(start: string): IterableIterator<string> {
    let at = -1;
    for (let index = this.#blockFor(start); index < this.#blocks.length; index++) {
      const block = this.#blocks[index] as string[];
      for (at = at < 0 ? positionIn(block, start) : 0; at < block.length; at++) yield block[at] as string;
    }
  }

  /** How many keys stand before this one. Costs the number of blocks. */
  rank(key: string): number {
    const index = this.#blockFor(key);
    let before = positionIn(this.#blocks[index] as string[], key);
    for (let i = 0; i < index; i++) before += (this.#blocks[i] as string[]).length;
    return before;
  }

  /** The last block that begins no later than the key, or the first. */
  #blockFor(key: string): number {
    let low = 0;
    let high = this.#blocks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (((this.#blocks[middle] as string[])[0] as string) <= key) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** Index of the first key ≥ `key`. */
function positionIn(block: readonly string[], key: string): number {
  let low = 0;
  let high = block.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((block[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
