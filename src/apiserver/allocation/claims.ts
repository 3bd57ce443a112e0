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

/** Who has a number: its name in the claim, and that it is still what it was. */
export interface Holder {
  name: string;
  guard: Guard;
}

/** Two guards each; a txn takes 128. */
const changesPerTxn = 60;

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

  /**
   * Writes claims that are missing and drops those that nobody holds: for a store that allocation was off for. `holders` by
   * number, as of `revision`; another server may allocate meanwhile, so what has changed since is left as it is. False: something had.
   */
  async repair(holders: ReadonlyMap<number, Holder>, store: Store, revision: number): Promise<boolean> {
    const { kvs } = await store.range(this.prefix(), { revision });
    const known = new Map(kvs.map((kv) => [kv.key, kv]));
    const changes: { guards: Guard[]; write: Write }[] = [];
    for (const [value, { name, guard }] of holders) {
      const key = this.key(value);
      const held = known.get(key);
      known.delete(key);
      if (held?.value.toString() === name) continue;
      const unchanged = { key, modRevision: held?.modRevision ?? 0 };
      changes.push({ guards: [unchanged, guard], write: { key, value: Buffer.from(name) } });
    }
    for (const { key, modRevision } of known.values())
      changes.push({ guards: [{ key, modRevision }], write: { key, value: undefined } });
    let whole = true;
    for (let at = 0; at < changes.length; at += changesPerTxn) {
      const some = changes.slice(at, at + changesPerTxn);
      const result = await store.txn(
        some.flatMap(({ guards }) => guards),
        some.map(({ write }) => write),
      );
      whole &&= result.committed;
    }
    return whole;
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
