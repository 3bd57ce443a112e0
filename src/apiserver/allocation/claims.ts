/**
 * Numbered things that are given out once: addresses and ports. What is taken is a key in the store, written in the same txn as
 * the object that takes it; the set in memory only helps to pick a free one quickly.
 */
import type { Guard, Store, Write } from '../../storage/store.ts';

export interface Pool {
  /** `cluster-ip`, `node-port`: part of the store's keys. */
  what: string;
  /** First and last number that is picked at random while there is room, and the band below it, for when there is none. */
  dynamic: readonly [number, number];
  reserved: readonly [number, number];
  /** How a number is written in its key. */
  format(value: number): string;
}

export class Claims {
  readonly pool: Pool;
  private readonly taken = new Set<number>();

  constructor(pool: Pool) {
    this.pool = pool;
  }

  /** Told by whoever watches the objects. */
  noteTaken(value: number): void {
    this.taken.add(value);
  }

  noteFree(value: number): void {
    this.taken.delete(value);
  }

  /** A free number, or undefined when all are taken. `except`: picked already in this write. Cost: a few tries until the pool is nearly full. */
  pick(except: ReadonlySet<number>, random: () => number = Math.random): number | undefined {
    return this.pickIn(this.pool.dynamic, except, random) ?? this.pickIn(this.pool.reserved, except, random);
  }

  /** The part of a txn that takes a number nobody has. */
  claim(value: number, owner: string): { guard: Guard; write: Write } {
    const key = this.key(value);
    return { guard: { key, modRevision: 0 }, write: { key, value: Buffer.from(owner) } };
  }

  /** The part of a txn that gives a number back, or undefined when the owner does not hold it. */
  async release(value: number, owner: string, store: Store): Promise<{ guard: Guard; write: Write } | undefined> {
    const key = this.key(value);
    const held = await store.get(key);
    if (held === undefined || held.value.toString() !== owner) return undefined;
    return { guard: { key, modRevision: held.modRevision }, write: { key, value: undefined } };
  }

  /** Who has a number, by the store. */
  async ownerOf(value: number, store: Store): Promise<string | undefined> {
    return (await store.get(this.key(value)))?.value.toString();
  }

  /** Writes claims that are missing and drops those that nobody holds: for a store that allocation was off for. `owners` by number. */
  async repair(owners: ReadonlyMap<number, string>, store: Store): Promise<void> {
    const { kvs } = await store.range(this.prefix());
    const known = new Map(kvs.map((kv) => [kv.key, kv]));
    const guards: Guard[] = [];
    const writes: Write[] = [];
    const put = (key: string, value: Buffer | undefined) => {
      guards.push({ key, modRevision: known.get(key)?.modRevision ?? 0 });
      writes.push({ key, value });
    };
    for (const [value, owner] of owners) {
      const key = this.key(value);
      if (known.get(key)?.value.toString() !== owner) put(key, Buffer.from(owner));
    }
    const wanted = new Set([...owners.keys()].map((value) => this.key(value)));
    for (const key of known.keys()) if (!wanted.has(key)) put(key, undefined);
    if (writes.length > 0) await store.txn(guards, writes);
  }

  private key(value: number): string {
    return `${this.prefix()}${this.pool.format(value)}`;
  }

  private prefix(): string {
    return `/allocations/${this.pool.what}/`;
  }

  private pickIn(
    [from, to]: readonly [number, number],
    except: ReadonlySet<number>,
    random: () => number,
  ): number | undefined {
    const size = to - from + 1;
    if (size <= 0) return undefined;
    const free = (value: number) => !this.taken.has(value) && !except.has(value);
    const start = Math.floor(random() * size);
    for (let step = 0; step < size; step++) {
      const value = from + ((start + step) % size);
      if (free(value)) return value;
    }
    return undefined;
  }
}
