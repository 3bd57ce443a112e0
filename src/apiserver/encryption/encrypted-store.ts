/**
 * A store around the store, which encrypts what is written and decrypts what is read, by the configuration of the moment. What
 * it does not name passes through untouched.
 *
 * A value whose key is not there is handed out as `unreadable`: whoever asks for that object is told, and nobody else notices.
 * When a later configuration may have the key, the watch ends as if it had been compacted: its reader reads everything anew.
 */
import {
  CompactedError,
  type KeyValue,
  type RangeResult,
  type Store,
  type StoreEvent,
  type WatchBatch,
  type WatchOptions,
} from '../../storage/store.ts';
import { prefixOfKey, registryPrefix } from '../registry/storage-key.ts';
import type { EncryptionConfiguration } from './configuration.ts';
import { decrypt, encrypt, openEnvelope, type Provider } from './providers.ts';

export interface EncryptedStore extends Store {
  /** From now on. */
  use(configuration: EncryptionConfiguration): void;
}

export function createEncryptedStore(inner: Store, configuration: EncryptionConfiguration): EncryptedStore {
  let providers = byPrefix(configuration);
  let changed = new AbortController();
  let sawUnreadable = false;

  const providersOf = (key: string): readonly Provider[] | undefined => {
    const prefix = prefixOfKey(key);
    return prefix === undefined ? undefined : providers(prefix);
  };
  const read = (kv: KeyValue): KeyValue => {
    const known = providersOf(kv.key);
    if (known === undefined) return kv;
    const shown = readable(kv, known);
    if (shown.unreadable !== undefined) sawUnreadable = true;
    return shown;
  };
  const readMaybe = (kv: KeyValue | undefined): KeyValue | undefined => kv && read(kv);
  const readEvent = (event: StoreEvent): StoreEvent => {
    if (providersOf(event.type === 'put' ? event.kv.key : event.key) === undefined) return event;
    const { previous } = event;
    let before: KeyValue | undefined;
    const lazily = {
      // Few look at what was there before.
      get previous() {
        before ??= readMaybe(previous);
        return before as KeyValue;
      },
    };
    return event.type === 'put'
      ? Object.assign(lazily, { type: event.type, kv: read(event.kv), revision: event.revision })
      : Object.assign(lazily, { type: event.type, key: event.key, revision: event.revision });
  };

  async function* watch(options: WatchOptions): AsyncGenerator<WatchBatch, undefined> {
    const { signal } = changed;
    const ended = new AbortController();
    const end = (): void => ended.abort();
    for (const cause of [options.signal, signal]) {
      if (cause.aborted) end();
      cause.addEventListener('abort', end, { once: true });
    }
    try {
      for await (const batch of inner.watch({ ...options, signal: ended.signal })) {
        const events = batch.map(readEvent);
        yield batch.upTo === undefined ? events : Object.assign(events, { upTo: batch.upTo });
      }
      if (signal.aborted && !options.signal.aborted) throw new CompactedError(options.after, await inner.revision());
    } finally {
      for (const cause of [options.signal, signal]) cause.removeEventListener('abort', end);
    }
  }

  return {
    ...(inner.remote === undefined ? {} : { remote: inner.remote }),
    use(next) {
      providers = byPrefix(next);
      if (!sawUnreadable) return;
      sawUnreadable = false;
      const before = changed;
      changed = new AbortController();
      before.abort();
    },
    isStale: async (key) => providersOf(key) !== undefined && readMaybe(await inner.get(key))?.stale === true,
    revision: () => inner.revision(),
    oldestRevision: () => inner.oldestRevision(),
    get: async (key, revision) => readMaybe(await inner.get(key, revision)),
    async range(prefix, options): Promise<RangeResult> {
      const found = await inner.range(prefix, options);
      const resource = prefixOfKey(prefix);
      if (resource !== undefined && providers(resource) === undefined) return found;
      return { ...found, kvs: found.kvs.map(read) };
    },
    async txn(guards, writes) {
      const result = await inner.txn(
        guards,
        writes.map((write) => {
          const known = write.value && providersOf(write.key);
          return known === undefined
            ? write
            : { key: write.key, value: written(write.value as Buffer, known, write.key) };
        }),
      );
      return result.committed ? result : { ...result, current: readMaybe(result.current) };
    },
    watch: (options) => ({ [Symbol.asyncIterator]: () => watch(options) }),
    compact: (revision) => inner.compact(revision),
    stats: () => inner.stats(),
    close: () => inner.close(),
  };
}

function written(value: Buffer, [first]: readonly Provider[], key: string): Buffer {
  if (first === undefined || first.kind === 'identity') return value;
  return encrypt(first.kind, first.keys[0] as (typeof first.keys)[0], value, key);
}

function readable(kv: KeyValue, providers: readonly Provider[]): KeyValue {
  const envelope = openEnvelope(kv.value);
  const [first] = providers;
  if (envelope === undefined) {
    if (!providers.some(({ kind }) => kind === 'identity'))
      return {
        ...kv,
        unreadable: 'it is not encrypted, and the encryption configuration has no identity provider for it',
      };
    return first?.kind === 'identity' ? kv : { ...kv, stale: true };
  }
  const { provider: kind, key: name, body } = envelope;
  for (const provider of providers) {
    if (provider.kind === 'identity' || provider.kind !== kind) continue;
    const key = provider.keys.find((one) => one.name === name);
    if (key === undefined) continue;
    try {
      const value = decrypt(provider.kind, key, body, kv.key);
      return provider === first && key === provider.keys[0] ? { ...kv, value } : { ...kv, value, stale: true };
    } catch {
      return { ...kv, unreadable: `the key ${JSON.stringify(name)} of provider ${kind} does not decrypt it` };
    }
  }
  return {
    ...kv,
    unreadable: `it is encrypted with the key ${JSON.stringify(name)} of provider ${kind}, which the encryption configuration does not have for it`,
  };
}

function byPrefix(configuration: EncryptionConfiguration) {
  const known = new Map<string, readonly Provider[] | undefined>();
  return (prefix: string): readonly Provider[] | undefined => {
    const found = known.get(prefix);
    if (found !== undefined || known.has(prefix)) return found;
    const [group = '', resource = ''] = prefix.slice(registryPrefix.length).split('/');
    const providers = configuration.providersOf(group === 'core' ? '' : group, resource);
    known.set(prefix, providers);
    return providers;
  };
}
