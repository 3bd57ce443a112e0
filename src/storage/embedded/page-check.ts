/**
 * Reads a whole LMDB data file and says what is wrong with it, before LMDB maps it: on a damaged page LMDB itself would end
 * the process, go round in circles, or hand a page out twice.
 *
 *   meta pages 0, 1 ──▶ free list: pages that hold nothing
 *                  └──▶ main tree ──▶ index, deleted, log, meta: branch pages ▸ leaf pages ▸ overflow pages (long values)
 *
 * Each page of the file must be exactly one of these, know its own number, and hold its keys in order and within the bounds
 * its parent gives; every row carries a checksum of its own (tables.ts). What no page refers to is not looked at.
 * Cost: one read of the pages in use, about 1 s a GB from the page cache.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { checkRow } from './tables.ts';

/** Throws PageError, or what the file system throws. Nobody may write to the file meanwhile. */
export function checkPages(path: string): void {
  const file = openSync(path, 'r');
  try {
    new PageCheck(file).run();
  } finally {
    closeSync(file);
  }
}

/** What is wrong, in words that follow "the store is damaged: ". */
export class PageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'PageError';
  }
}

interface Tree {
  flags: number;
  depth: number;
  branchPages: number;
  leafPages: number;
  overflowPages: number;
  entries: number;
  /** `noPage` for an empty tree. */
  root: number;
}

interface Meta {
  pageSize: number;
  mapSize: number;
  free: Tree;
  main: Tree;
  lastPage: number;
  transaction: number;
}

const magic = 0xbeefc0de;
const dataVersion = 2;
const headerBytes = 24;
const nodeBytes = 8;
const treeBytes = 48;
/** Of page headers. */
const branchPage = 1;
const leafPage = 2;
const overflowPage = 4;
const metaPage = 8;
/** Of nodes on leaf pages. */
const longValue = 1;
const subTree = 2;
/** Of the free list: keys are numbers of the machine; the flags of the file stand there too (0x4000: it is no directory). */
const freeListFlags = 0x4008;
/** What LMDB writes for the root of an empty tree is 2^64 - 1; no number above 2^53 is exact, none of them is a page. */
const noPage = 2 ** 64;

type Visit = (key: Buffer, value: Buffer, flags: number) => void;

class PageCheck {
  readonly #file: number;
  #pageSize = 0;
  #meta!: Meta;
  #seen!: Uint8Array;
  #accounted = 0;
  readonly #size: number;

  constructor(file: number) {
    this.#file = file;
    this.#size = fstatSync(file).size;
  }

  run(): void {
    this.#meta = this.#newestMeta();
    const { lastPage, free, main } = this.#meta;
    this.#seen = new Uint8Array(Math.ceil((lastPage + 1) / 8));
    this.#take(0, 'meta page');
    this.#take(1, 'meta page');
    this.#tree(main, 'main', (key, value, flags) => {
      if (flags !== subTree || value.length !== treeBytes) throw new PageError(`table ${key} is not a table`);
      this.#tree(treeAt(value, 0), key.toString(), (rowKey, row) => checkRow(rowKey, row));
    });
    this.#tree(free, 'free list', (_key, value) => this.#freePages(value));
    if (this.#accounted !== lastPage + 1)
      throw new PageError(`${lastPage + 1 - this.#accounted} pages are neither in use nor free`);
  }

  /** Commits write the two in turn, so they are one transaction apart. */
  #newestMeta(): Meta {
    const first = this.#readMeta(0);
    this.#pageSize = first.pageSize;
    const second = this.#readMeta(1);
    const [older, newest] = first.transaction > second.transaction ? [second, first] : [first, second];
    const apart = newest.transaction - older.transaction;
    const inTurn = apart === 1 && newest === [first, second][newest.transaction % 2];
    if (newest.transaction !== 0 && !inTurn) throw new PageError('its two meta pages do not belong together');
    if (newest.mapSize < (newest.lastPage + 1) * newest.pageSize || newest.mapSize > 2 ** 47)
      throw new PageError(`its meta page says a size of ${newest.mapSize} bytes`);
    return newest;
  }

  #readMeta(number: 0 | 1): Meta {
    const page = Buffer.alloc(168);
    const read = readSync(this.#file, page, 0, page.length, number * this.#pageSize);
    const at = headerBytes;
    if (read < page.length) throw new PageError('it is cut off within its meta pages');
    if (page.readUInt16LE(18) !== metaPage || numberAt(page, 0) !== number || page.readUInt32LE(at) !== magic)
      throw new PageError('it is not a store file');
    if (page.readUInt32LE(at + 4) !== dataVersion)
      throw new PageError(`its pages have version ${page.readUInt32LE(at + 4)}, not ${dataVersion}`);
    const pageSize = page.readUInt32LE(at + 24);
    if (![4096, 8192, 16_384, 32_768, 65_536].includes(pageSize))
      throw new PageError(`its pages have ${pageSize} bytes`);
    return {
      pageSize,
      mapSize: numberAt(page, at + 16),
      free: treeAt(page, at + 24),
      main: treeAt(page, at + 72),
      lastPage: numberAt(page, at + 120),
      transaction: numberAt(page, at + 128),
    };
  }

  #tree(tree: Tree, name: string, visit: Visit): void {
    const isFreeList = name === 'free list';
    if (tree.flags !== (isFreeList ? freeListFlags : 0))
      throw new PageError(`the ${name} table has flags ${tree.flags}`);
    const found: Tree = { ...tree, branchPages: 0, leafPages: 0, overflowPages: 0, entries: 0 };
    if (tree.root !== noPage) {
      const walk: Walk = { name, found, visit, compare: isFreeList ? compareNumbers : Buffer.compare };
      this.#page(walk, tree.root, tree.depth, undefined, undefined);
    } else if (tree.depth !== 0) throw new PageError(`the ${name} table is empty but has levels`);
    for (const field of ['branchPages', 'leafPages', 'overflowPages', 'entries'] as const)
      if (found[field] !== tree[field])
        throw new PageError(`the ${name} table has ${found[field]} ${field}, not ${tree[field]} as it says itself`);
  }

  /** Keys on it are ≥ `low` and < `high`. */
  #page(walk: Walk, number: number, level: number, low: Buffer | undefined, high: Buffer | undefined): void {
    const page = this.#read(number, 1, walk.name);
    const flags = page.readUInt16LE(18);
    if (flags !== (level > 1 ? branchPage : leafPage)) throw damagedPage(walk.name, number, 'is of another sort');
    if (level > 1) walk.found.branchPages++;
    else walk.found.leafPages++;
    const nodes = nodesOf(page, number, level > 1, walk.name);
    const keyAt = (i: number): Buffer | undefined => {
      const node = nodes[i];
      if (node === undefined) return undefined;
      return page.subarray(node + nodeBytes, node + nodeBytes + page.readUInt16LE(node + 6));
    };
    let before: Buffer | undefined;
    for (const [i, node] of nodes.entries()) {
      // The first key of a branch page stands for "from the start".
      const key = level > 1 && i === 0 ? low : (keyAt(i) as Buffer);
      if (key !== undefined) {
        const inOrder = before === undefined || walk.compare(before, key) < 0;
        const inBounds =
          (low === undefined || walk.compare(low, key) <= 0) && (high === undefined || walk.compare(key, high) < 0);
        if (!inOrder || !inBounds) throw damagedPage(walk.name, number, 'has its keys out of order');
        before = key;
      }
      if (level > 1) this.#page(walk, childOf(page, node), level - 1, key, keyAt(i + 1) ?? high);
      else this.#row(walk, page, node, key as Buffer);
    }
  }

  #row(walk: Walk, page: Buffer, node: number, key: Buffer): void {
    const size = page.readUInt32LE(node);
    const flags = page.readUInt16LE(node + 4);
    const at = node + nodeBytes + key.length;
    walk.found.entries++;
    if (flags === longValue) {
      const first = numberAt(page, at);
      const count = Math.ceil((headerBytes + size) / this.#pageSize);
      if (numberAt(page, at + 16) !== count) throw damagedPage(walk.name, first, 'has another length than its value');
      const pages = this.#read(first, count, walk.name);
      if (pages.readUInt16LE(18) !== overflowPage || pages.readUInt32LE(20) !== count)
        throw damagedPage(walk.name, first, 'is of another sort');
      walk.found.overflowPages += count;
      walk.visit(key, pages.subarray(headerBytes, headerBytes + size), 0);
    } else if (flags === 0 || flags === subTree) walk.visit(key, page.subarray(at, at + size), flags);
    else throw new PageError(`a row of the ${walk.name} table has flags ${flags}`);
  }

  /** A length, then page numbers; a negative number -n before a page stands for a block of n pages. */
  #freePages(list: Buffer): void {
    const length = list.length >= 8 ? numberAt(list, 0) : -1;
    if (length < 0 || (length + 1) * 8 > list.length) throw new PageError('a row of the free list is cut off');
    for (let i = 1; i <= length; i++) {
      const entry = Number(list.readBigInt64LE(i * 8));
      if (entry === 0) continue;
      const count = entry < 0 ? -entry : 1;
      const first = entry < 0 ? (++i <= length ? numberAt(list, i * 8) : -1) : entry;
      if (count > this.#meta.lastPage) throw new PageError('a block of the free list is longer than the file');
      for (let page = first; page < first + count; page++) this.#take(page, 'free list');
    }
  }

  #read(number: number, count: number, name: string): Buffer {
    for (let i = 0; i < count; i++) this.#take(number + i, name);
    // The last free pages may never have been written; one in use must be there.
    if ((number + count) * this.#pageSize > this.#size) throw new PageError(`it is cut off at ${this.#size} bytes`);
    const pages = Buffer.allocUnsafe(count * this.#pageSize);
    const read = readSync(this.#file, pages, 0, pages.length, number * this.#pageSize);
    if (read < pages.length) throw damagedPage(name, number, 'cannot be read');
    if (numberAt(pages, 0) !== number) throw damagedPage(name, number, 'holds another page');
    return pages;
  }

  /** Every page has one use. */
  #take(number: number, name: string): void {
    if (!(number >= 0 && number <= this.#meta.lastPage)) throw damagedPage(name, number, 'is outside of the file');
    const byte = number >>> 3;
    const bit = 1 << (number & 7);
    if ((this.#seen[byte] as number) & bit) throw damagedPage(name, number, 'is in use twice');
    this.#seen[byte] = (this.#seen[byte] as number) | bit;
    this.#accounted++;
  }
}

interface Walk {
  name: string;
  found: Tree;
  visit: Visit;
  compare(a: Buffer, b: Buffer): number;
}

/** Where the nodes of a page begin; they fill it from `upper` to its end without gaps. */
function nodesOf(page: Buffer, number: number, branch: boolean, name: string): number[] {
  const lower = page.readUInt16LE(20);
  const upper = page.readUInt16LE(22);
  const room = page.length - headerBytes;
  if (lower % 2 !== 0 || lower > upper || upper > room || lower === 0)
    throw damagedPage(name, number, 'has impossible bounds');
  const nodes: number[] = [];
  let filled = 0;
  for (let at = 0; at < lower; at += 2) {
    const offset = page.readUInt16LE(headerBytes + at);
    if (offset < upper || offset + nodeBytes > room) throw damagedPage(name, number, 'points outside of itself');
    const node = headerBytes + offset;
    const keyBytes = page.readUInt16LE(node + 6);
    const long = !branch && page.readUInt16LE(node + 4) === longValue;
    const dataBytes = branch ? 0 : long ? headerBytes : page.readUInt32LE(node);
    const bytes = nodeBytes + keyBytes + dataBytes;
    if (offset + bytes > room) throw damagedPage(name, number, 'has a row that ends outside of it');
    filled += bytes + (bytes % 2);
    nodes.push(node);
  }
  if (filled !== room - upper) throw damagedPage(name, number, 'is not filled as it says itself');
  return nodes;
}

function treeAt(buffer: Buffer, at: number): Tree {
  return {
    flags: buffer.readUInt16LE(at + 4),
    depth: buffer.readUInt16LE(at + 6),
    branchPages: numberAt(buffer, at + 8),
    leafPages: numberAt(buffer, at + 16),
    overflowPages: numberAt(buffer, at + 24),
    entries: numberAt(buffer, at + 32),
    root: numberAt(buffer, at + 40),
  };
}

const childOf = (page: Buffer, node: number): number => page.readUInt32LE(node) + page.readUInt16LE(node + 4) * 2 ** 32;

const numberAt = (buffer: Buffer, at: number): number =>
  buffer.readUInt32LE(at) + buffer.readUInt32LE(at + 4) * 2 ** 32;

const compareNumbers = (a: Buffer, b: Buffer): number =>
  a.length === 8 && b.length === 8 ? numberAt(a, 0) - numberAt(b, 0) : 1;

const damagedPage = (name: string, number: number, what: string): PageError =>
  new PageError(`page ${number} (${name}) ${what}`);
