/** Informers shared by everything in a process that reads from one server. */
import { type Clock, systemClock } from '../apimachinery/clock.ts';
import { groupResource, type ResourceType } from '../apimachinery/group-version.ts';
import type { DeepReadonly, KubeObject } from '../apimachinery/object.ts';
import { manyListeners } from '../component/abort.ts';
import { type Logger, silentLogger } from '../component/logging.ts';
import type { Client } from './client.ts';
import { deepFreeze } from './freeze.ts';
import type { Informer, InformerFactory, InformerHandler, InformerOptions } from './informer.ts';
import { createObjectCache } from './object-cache.ts';
import { type ReflectorTarget, reflect } from './reflector.ts';

export interface InformerFactoryOptions {
  clock?: Clock | undefined;
  logger?: Logger | undefined;
  /** Objects that are handed out cannot be changed. Default: under vitest. */
  freeze?: boolean | undefined;
  /** Bounds of the back-off while the server cannot be reached, in ms. Defaults 200 and 10,000. */
  baseDelay?: number | undefined;
  maxDelay?: number | undefined;
  /** How often handlers see every object again, as updated to itself. 0 or absent: never. */
  resyncPeriodMs?: number | undefined;
}

interface Running {
  informer: SharedInformer<KubeObject>;
  type: ResourceType;
  selection: InformerOptions;
  controller: AbortController;
  started: boolean;
}

export function createInformerFactory(client: Client, options: InformerFactoryOptions = {}): InformerFactory {
  const {
    clock = systemClock,
    logger = silentLogger,
    freeze = process.env['VITEST'] !== undefined,
    baseDelay = 200,
    maxDelay = 10_000,
    resyncPeriodMs = 0,
  } = options;
  const informers = new Map<string, Running>();
  let life: AbortSignal | undefined;

  const startOne = (running: Running): void => {
    if (life === undefined || running.started) return;
    running.started = true;
    const { informer, type, selection, controller } = running;
    const signal = AbortSignal.any([life, controller.signal]);
    void reflect(client, type, selection, informer.target, { clock, logger, baseDelay, maxDelay }, signal).catch(
      (error) => {
        if (!signal.aborted) logger.error('The informer stopped', { resource: groupResource(type), err: error });
      },
    );
    if (resyncPeriodMs > 0) void resync(informer, signal).catch(() => {});
  };

  /** Each informer at a time of its own. */
  const resync = async (informer: SharedInformer<KubeObject>, signal: AbortSignal): Promise<never> => {
    for (;;) {
      await clock.sleep(resyncPeriodMs * (1 + Math.random()), signal);
      informer.resync();
    }
  };

  return {
    informer<T extends KubeObject>(type: ResourceType, selection: InformerOptions = {}): Informer<T> {
      const key = informerKey(type, selection);
      let running = informers.get(key);
      if (running === undefined) {
        const informer = createInformer<KubeObject>(type, freeze, logger);
        running = { informer, type, selection, controller: new AbortController(), started: false };
        informers.set(key, running);
        startOne(running);
      }
      return running.informer as unknown as Informer<T>;
    },
    start(signal) {
      if (life !== undefined && !life.aborted) throw new Error('the informers run already');
      life = signal;
      manyListeners(signal);
      for (const running of informers.values()) startOne(running);
    },
    stop(type, selection = {}) {
      const key = informerKey(type, selection);
      informers.get(key)?.controller.abort();
      informers.delete(key);
    },
    async whenSynced(signal) {
      await Promise.all([...informers.values()].map(({ informer }) => informer.whenSynced(signal)));
    },
  };
}

function informerKey(type: ResourceType, selection: InformerOptions): string {
  const { namespace = '', labelSelector = '', fieldSelector = '', metadataOnly = false } = selection;
  return [type.group, type.version, type.resource, namespace, labelSelector, fieldSelector, metadataOnly].join('|');
}

type SharedInformer<T extends KubeObject> = Informer<T> & { readonly target: ReflectorTarget<T>; resync(): void };

function createInformer<T extends KubeObject>(type: ResourceType, freeze: boolean, logger: Logger): SharedInformer<T> {
  const cache = createObjectCache<T>();
  const handlers = new Set<InformerHandler<T>>();
  const waiting = new Set<() => void>();
  let synced = false;

  /** A handler that throws has a bug of its own; the others and the cache must not suffer from it. */
  const guarded = (call: () => void): void => {
    try {
      call();
    } catch (error) {
      logger.error('An informer handler failed', { resource: groupResource(type), err: error });
    }
  };
  const each = (call: (handler: InformerHandler<T>) => void): void => {
    for (const handler of [...handlers]) guarded(() => call(handler));
  };
  const arrive = (object: T): DeepReadonly<T> => {
    // What is shared with the server comes without.
    if (object.metadata.managedFields !== undefined) delete object.metadata.managedFields;
    return (freeze ? deepFreeze(object) : object) as DeepReadonly<T>;
  };
  const remove = (key: string, last?: DeepReadonly<T>): void => {
    const old = cache.delete(key);
    if (old !== undefined) each((handler) => handler.deleted?.(last ?? old));
  };
  const store = (object: DeepReadonly<T>): void => {
    const meta = (object as DeepReadonly<KubeObject>).metadata;
    const key = meta.namespace ? `${meta.namespace}/${meta.name}` : (meta.name ?? '');
    const known = cache.get(key) as DeepReadonly<KubeObject> | undefined;
    if (known !== undefined && known.metadata.uid !== meta.uid) remove(key);
    else if (known?.metadata.resourceVersion === meta.resourceVersion && known !== undefined) return;
    const old = cache.set(object);
    if (old === undefined) each((handler) => handler.added?.(object, false));
    else each((handler) => handler.updated?.(object, old));
  };

  const finishSync = (): void => {
    synced = true;
    for (const resolve of waiting) resolve();
    waiting.clear();
  };

  const target: ReflectorTarget<T> = {
    replace(objects) {
      const arrived = objects.map(arrive);
      if (!synced) {
        // The first handler call already finds the whole collection in the cache.
        for (const object of arrived) cache.set(object);
        for (const object of arrived) each((handler) => handler.added?.(object, true));
        finishSync();
        return;
      }
      const gone = new Set(cache.keys());
      for (const object of arrived) {
        const { namespace, name = '' } = (object as DeepReadonly<KubeObject>).metadata;
        gone.delete(namespace ? `${namespace}/${name}` : name);
      }
      for (const key of gone) remove(key);
      for (const object of arrived) store(object);
    },
    changed(change, object) {
      const arrived = arrive(object);
      const { namespace, name = '' } = object.metadata;
      if (change === 'DELETED') remove(namespace ? `${namespace}/${name}` : name, arrived);
      else store(arrived);
    },
  };

  return {
    type,
    target,
    resync() {
      if (synced) for (const object of cache.list()) each((handler) => handler.updated?.(object, object));
    },
    get synced() {
      return synced;
    },
    whenSynced(signal) {
      if (synced) return Promise.resolve();
      return new Promise<void>((resolve, reject) => {
        const done = (): void => {
          signal?.removeEventListener('abort', abort);
          resolve();
        };
        const abort = (): void => {
          waiting.delete(done);
          reject(signal?.reason);
        };
        if (signal?.aborted) return abort();
        waiting.add(done);
        signal?.addEventListener('abort', abort, { once: true });
      });
    },
    get: cache.get,
    list: cache.list,
    addIndex: cache.addIndex,
    byIndex: cache.byIndex,
    addHandler(handler) {
      handlers.add(handler);
      for (const object of cache.list()) guarded(() => handler.added?.(object, true));
      return () => handlers.delete(handler);
    },
  };
}
