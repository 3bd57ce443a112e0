/** Random writes, compactions and watchers that come, go and resume, checked against a plain list of what happened. */
import { describe, expect, it } from 'vitest';
import { openWatch, send, startApiServer, type WatchLines } from '../../../test/support/api-server.ts';
import { rounds, seededRandom, testSeed } from '../../../test/support/full.ts';
import type { Transport } from '../../client/transport.ts';
import type { Store } from '../../storage/store.ts';

const seed = testSeed();
const namespaces = ['blue', 'green'];
const names = ['a', 'b', 'c', 'd', 'e'];
const colors = ['red', 'white', undefined];
const values = ['AA==', 'AQ==', 'Ag=='];

interface State {
  namespace: string;
  name: string;
  color: string | undefined;
  n: string;
}

/** One committed change. */
interface Change {
  revision: number;
  before: State | undefined;
  after: State | undefined;
}

interface Scope {
  namespace: string | undefined;
  query: string;
  matches(state: State): boolean;
}

interface Told {
  type: string;
  revision: number;
  state: State;
}

const scopes: readonly Scope[] = [undefined, ...namespaces].flatMap((namespace) => [
  { namespace, query: '', matches: () => true },
  { namespace, query: '&labelSelector=color%3Dred', matches: ({ color }: State) => color === 'red' },
  { namespace, query: '&labelSelector=color!%3Dred', matches: ({ color }: State) => color !== 'red' },
  { namespace, query: '&labelSelector=color', matches: ({ color }: State) => color !== undefined },
  { namespace, query: '&fieldSelector=metadata.name%3Db', matches: ({ name }: State) => name === 'b' },
  {
    namespace,
    query: '&fieldSelector=metadata.name!%3Db&labelSelector=color+in+(red,white)',
    matches: ({ name, color }: State) => name !== 'b' && color !== undefined,
  },
]);

const inScope = (scope: Scope, state: State | undefined): state is State =>
  state !== undefined && (scope.namespace === undefined || scope.namespace === state.namespace) && scope.matches(state);

/** What a watcher of the scope must be told of a change. */
function expected(scope: Scope, { revision, before, after }: Change): Told | undefined {
  const [was, is] = [inScope(scope, before), inScope(scope, after)];
  if (is) return { type: was ? 'MODIFIED' : 'ADDED', revision, state: after as State };
  // An object that leaves the selection is told as it was, under the revision of the change.
  return was ? { type: 'DELETED', revision, state: before as State } : undefined;
}

class Model {
  readonly changes: Change[] = [];
  readonly states = new Map<string, State>();
  readonly #server: Transport;
  readonly #store: Store;
  readonly #random: () => number;

  constructor(server: Transport, store: Store, random: () => number) {
    this.#server = server;
    this.#store = store;
    this.#random = random;
  }

  pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random() * from.length)] as T;
  }

  /** One write, and what the server must have made of it. */
  async write(): Promise<void> {
    const [namespace, name, color] = [this.pick(namespaces), this.pick(names), this.pick(colors)];
    const path = `/api/v1/namespaces/${namespace}/secrets`;
    const before = this.states.get(`${namespace}/${name}`);
    const after: State = { namespace, name, color, n: this.pick(values) };
    const body = { metadata: { name, labels: color === undefined ? {} : { color } }, data: { n: after.n } };
    const remove = this.#random() < 0.25;
    const reply = remove
      ? await send(this.#server, 'DELETE', `${path}/${name}`)
      : before === undefined
        ? await send(this.#server, 'POST', path, { body })
        : await send(this.#server, 'PUT', `${path}/${name}`, { body });
    expect(reply.status).toBe(remove && before === undefined ? 404 : remove || before !== undefined ? 200 : 201);
    const revision = await this.#store.revision();
    if (remove && before === undefined) return;
    // A write that changes nothing is no change.
    if (!remove && before !== undefined && before.color === color && before.n === after.n) return;
    if (!remove) expect(Number(reply.body.metadata.resourceVersion)).toBe(revision);
    this.changes.push({ revision, before, after: remove ? undefined : after });
    if (remove) this.states.delete(`${namespace}/${name}`);
    else this.states.set(`${namespace}/${name}`, after);
  }

  /** Of the newest state, in key order. */
  selected(scope: Scope): State[] {
    const all = [...this.states.entries()].sort(([a], [b]) => (a < b ? -1 : 1));
    return all.map(([, state]) => state).filter((state) => inScope(scope, state));
  }

  after(scope: Scope, revision: number): Told[] {
    const later = this.changes.filter((change) => change.revision > revision);
    return later.map((change) => expected(scope, change)).filter((told) => told !== undefined);
  }
}

// biome-ignore lint/suspicious/noExplicitAny: an event of a watch
function toldOf(event: any): Told {
  const { metadata, data } = event.object;
  const { namespace, name, labels } = metadata;
  return {
    type: event.type,
    revision: Number(metadata.resourceVersion),
    state: { namespace, name, color: labels?.color, n: data.n },
  };
}

const pathOf = ({ namespace }: Scope): string =>
  namespace === undefined ? '/api/v1/secrets' : `/api/v1/namespaces/${namespace}/secrets`;

/** A client that watches, checks each event against the model, breaks off and resumes. */
class Watcher {
  readonly #server: Transport;
  readonly #model: Model;
  readonly #store: Store;
  readonly scope: Scope;
  #watch: WatchLines | undefined;
  #position = 0;

  constructor(server: Transport, model: Model, store: Store, scope: Scope) {
    this.#server = server;
    this.#model = model;
    this.#store = store;
    this.scope = scope;
  }

  /** Goes on from where it stands; lists anew when that is too old, which it may be only after a compaction. */
  async resume(): Promise<void> {
    this.stop();
    const oldest = await this.#store.oldestRevision();
    const due = this.#model.after(this.scope, this.#position);
    // Whether the past is still known could not be seen without an event.
    if (this.#position < oldest && due.length === 0) return this.list();
    const watch = await this.#open(`&resourceVersion=${this.#position}`);
    if (this.#position < oldest) {
      const first = await watch.next();
      if (first.value.type === 'ERROR') {
        expect(first.value.object).toMatchObject({ kind: 'Status', code: 410, reason: 'Expired' });
        watch.stop();
        return this.list();
      }
      const told = toldOf(first.value);
      expect(told).toEqual(due.shift());
      this.#position = told.revision;
    }
    this.#watch = watch;
    await this.#expect(due);
  }

  async list(): Promise<void> {
    this.stop();
    const { body } = await send(this.#server, 'GET', `${pathOf(this.scope)}?${this.scope.query.slice(1)}`);
    const states = body.items.map((object: unknown) => toldOf({ object }).state);
    expect(states).toEqual(this.#model.selected(this.scope));
    this.#position = Number(body.metadata.resourceVersion);
    expect(this.#position).toBe(await this.#store.revision());
    this.#watch = await this.#open(`&resourceVersion=${this.#position}`);
  }

  /** State and changes in one stream, divided by a bookmark. */
  async listByWatching(): Promise<void> {
    this.stop();
    const watch = await this.#open(
      '&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true',
    );
    const states: State[] = [];
    for (;;) {
      const { value: event } = await watch.next();
      if (event.type === 'BOOKMARK') {
        expect(event.object.metadata.annotations).toEqual({ 'k8s.io/initial-events-end': 'true' });
        this.#position = Number(event.object.metadata.resourceVersion);
        break;
      }
      expect(event.type).toBe('ADDED');
      states.push(toldOf(event).state);
    }
    expect(states).toEqual(this.#model.selected(this.scope));
    expect(this.#model.after(this.scope, this.#position)).toEqual([]);
    this.#watch = watch;
  }

  /** Reads what must have come by now, and nothing else. */
  async catchUp(): Promise<void> {
    await this.#expect(this.#model.after(this.scope, this.#position));
  }

  /** Forgets what it has seen since an earlier change. */
  rewind(): void {
    this.#position = this.#model.pick(this.#model.changes).revision;
  }

  stop(): void {
    this.#watch?.stop();
    this.#watch = undefined;
  }

  #open(query: string): Promise<WatchLines> {
    return openWatch(this.#server, `${pathOf(this.scope)}?watch=true${this.scope.query}${query}`);
  }

  async #expect(due: readonly Told[]): Promise<void> {
    for (const told of due) {
      const { value: event } = await (this.#watch as WatchLines).next();
      expect(toldOf(event)).toEqual(told);
      this.#position = told.revision;
    }
  }
}

describe(`watches (KARMADA_TEST_SEED=${seed})`, () => {
  it('tell every change that is theirs once, in order, with the right value, from wherever they resume', async () => {
    for (let round = 0; round < rounds(3); round++) {
      const random = seededRandom(seed + round);
      const api = await startApiServer();
      const server = api.server.localTransport();
      try {
        for (const name of namespaces)
          await send(server, 'POST', '/api/v1/namespaces', { body: { metadata: { name } } });
        const model = new Model(server, api.store, random);
        for (let n = 0; n < 10; n++) await model.write();
        const watchers = scopes.map((scope) => new Watcher(server, model, api.store, scope));
        for (const watcher of watchers) await watcher.list();
        for (let step = 0; step < 60; step++) {
          for (let n = Math.floor(random() * 6); n > 0; n--) await model.write();
          if (random() < 0.1) await api.store.compact((await api.store.revision()) - Math.floor(random() * 12));
          for (let n = 0; n < 4; n++) {
            const watcher = model.pick(watchers);
            const what = random();
            if (what < 0.4) await watcher.catchUp();
            else if (what < 0.7) await watcher.resume();
            else if (what < 0.85) {
              watcher.rewind();
              await watcher.resume();
            } else if (what < 0.95) await watcher.listByWatching();
            else await watcher.list();
          }
        }
        for (const watcher of watchers) {
          await watcher.catchUp();
          watcher.stop();
        }
      } finally {
        await api.stop();
      }
    }
  });
});
