/**
 * One informer for each kind of template. Kinds come and go with custom resource definitions: discovery is asked again when
 * one of those changes, and every 30 seconds.
 */

import type { Clock } from '../../apimachinery/clock.ts';
import { type ResourceType, resourcePath } from '../../apimachinery/group-version.ts';
import type { Unstructured } from '../../apimachinery/object.ts';
import type { InformerFactory, InformerHandler } from '../../client/informer.ts';
import type { Logger } from '../../component/logging.ts';
import { customResourceDefinitions } from '../../kubernetes/resource-types.ts';
import { byClaim, claimIndex } from '../caches.ts';
import { type DiscoveredKinds, kindOf } from '../resource-kinds.ts';
import type { Templates } from '../templates.ts';
import type { SkippedResources } from './skipped-resources.ts';

export interface TemplateInformersOptions {
  kinds: DiscoveredKinds;
  informers: InformerFactory;
  templates: Templates;
  skipped: SkippedResources;
  handler(type: ResourceType): InformerHandler<Unstructured>;
  clock: Clock;
  logger: Logger;
}

const discoveryInterval = 30_000;
/** One kind that cannot be listed (its API is away) must not keep all others waiting. */
const firstSyncPatience = 10_000;
/** A new definition is served a moment after it is stored: look once more. */
const settleDelays = [100, 1000];

/** Runs until the signal aborts. `firstSync` resolves when the kinds known at the start are cached. */
export function runTemplateInformers(
  options: TemplateInformersOptions,
  signal: AbortSignal,
): { firstSync: Promise<void>; done: Promise<void> } {
  const { kinds, informers, templates, skipped, clock, logger } = options;
  const watched = new Map<string, { type: ResourceType; stop: () => void }>();
  let wake: () => void = () => {};
  const pendingDelays: number[] = [];

  const look = async (): Promise<void> => {
    const manageable = await kinds.manageable(signal);
    const wanted = new Map<string, ResourceType>();
    for (const type of manageable.types) if (!skipped.skipsKind(kindOf(type))) wanted.set(resourcePath(type), type);
    for (const [path, { type, stop }] of watched) {
      if (wanted.has(path) || manageable.isUnknown(type)) continue;
      stop();
      templates.unwatch(type);
      informers.stop(type);
      watched.delete(path);
      logger.info('Stopped watching templates', { resource: path });
    }
    for (const [path, type] of wanted) {
      if (watched.has(path)) continue;
      const informer = informers.informer(type);
      informer.addIndex(byClaim, claimIndex);
      templates.watch(type, informer);
      watched.set(path, { type, stop: informer.addHandler(options.handler(type)) });
      logger.debug('Watching templates', { resource: path });
    }
  };

  const definitionChanged = (): void => {
    pendingDelays.splice(0, pendingDelays.length, ...settleDelays);
    wake();
  };

  const firstLook = retry(look, options, signal);
  const done = (async () => {
    await firstLook;
    const remove = informers.informer(customResourceDefinitions).addHandler({
      added: (_object, initial) => {
        if (!initial) definitionChanged();
      },
      updated: definitionChanged,
      deleted: definitionChanged,
    });
    while (!signal.aborted) {
      const delay = pendingDelays.shift() ?? discoveryInterval;
      await new Promise<void>((resolve) => {
        const timer = clock.setTimeout(resolve, delay);
        wake = () => {
          timer.cancel();
          resolve();
        };
        signal.addEventListener('abort', wake, { once: true });
      });
      if (signal.aborted) break;
      try {
        await look();
      } catch (error) {
        if (!signal.aborted) logger.warn('Discovery failed', { err: error });
      }
    }
    remove();
  })();
  // Broken off before the first look, the caller hears it from `firstSync` and waits for nothing else.
  done.catch(() => {});
  const firstSync = firstLook.then(async () => {
    // They fill at the same time; awaiting one after the other keeps the listeners of the signal few.
    const patience = new AbortController();
    const timer = clock.setTimeout(() => patience.abort(), firstSyncPatience);
    const both = AbortSignal.any([signal, patience.signal]);
    for (const { type } of [...watched.values()]) {
      try {
        await informers.informer(type).whenSynced(both);
      } catch {
        signal.throwIfAborted();
        logger.warn('Templates of a kind cannot be listed yet; going on without them', {
          resource: resourcePath(type),
        });
      }
    }
    timer.cancel();
  });
  return { firstSync, done };
}

async function retry(work: () => Promise<void>, options: TemplateInformersOptions, signal: AbortSignal): Promise<void> {
  for (let delay = 100; ; delay = Math.min(delay * 2, 5000)) {
    try {
      return await work();
    } catch (error) {
      if (signal.aborted) throw error;
      options.logger.warn('Discovery failed, trying again', { err: error, inMs: delay });
      await options.clock.sleep(delay, signal);
    }
  }
}
