/**
 * Follows one collection: list, then watch from the list's resourceVersion for as long as the server keeps the history.
 *
 *   list ──replace(all, rv)──▶ watch from rv ──ends, breaks off──▶ watch from the last rv seen
 *    ▲                           └──410 Expired──▶ list again, at the newest state
 *    └── error: wait (back-off), then again
 *
 * No event is lost, because each watch continues from the last revision seen, and the state never goes back, because a list
 * asks for nothing older than that. A server whose revisions were set back (restored from a backup) is listed anew.
 */
import type { Clock } from '../apimachinery/clock.ts';
import type { ResourceType } from '../apimachinery/group-version.ts';
import type { KubeObject } from '../apimachinery/object.ts';
import { isStatus, type Status, StatusError } from '../apimachinery/status-error.ts';
import type { Logger } from '../component/logging.ts';
import { createBackoff } from './backoff.ts';
import type { Client } from './client.ts';
import type { InformerOptions } from './informer.ts';

/** Objects may be shared with others in this process, and come without managedFields then: never change them. */
export interface ReflectorTarget<T> {
  /** The collection is exactly this. */
  replace(objects: T[]): void;
  changed(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T): void;
}

export interface ReflectorOptions {
  clock: Clock;
  logger: Logger;
  /** Bounds of the back-off after failures, in ms. */
  baseDelay: number;
  maxDelay: number;
}

/** Runs until the signal aborts. */
export async function reflect<T extends KubeObject>(
  client: Client,
  type: ResourceType,
  selection: InformerOptions,
  target: ReflectorTarget<T>,
  { clock, logger, baseDelay, maxDelay }: ReflectorOptions,
  signal: AbortSignal,
): Promise<void> {
  const resource = client.resource<T>(type);
  const backoff = createBackoff(baseDelay, maxDelay);
  /** Undefined: list first. */
  let position: string | undefined;
  /** What the next list may not be older than: `0` is any state, the empty text the newest. */
  let notOlderThan = '0';
  let failures = 0;

  const wait = async (why: string, error: unknown): Promise<void> => {
    failures++;
    const delay = backoff.next();
    const fields = { resource: type.resource, group: type.group, err: error, retryInMs: Math.round(delay) };
    if (failures === 3 || failures % 20 === 0) logger.warn(why, fields);
    else logger.debug(why, fields);
    await clock.sleep(delay, signal);
  };

  while (!signal.aborted) {
    try {
      if (position === undefined) {
        const list = await resource.list({ ...selection, resourceVersion: notOlderThan, shared: true, signal });
        target.replace(list.items);
        position = list.metadata.resourceVersion;
        notOlderThan = position;
        backoff.reset();
        failures = 0;
      }
      const startedAt = clock.now();
      let events = 0;
      // Different lengths, so that the watches of many informers do not end together.
      const timeoutSeconds = 300 + Math.floor(Math.random() * 300);
      const from = { resourceVersion: position, timeoutSeconds, shared: true };
      for await (const event of resource.watch({ ...selection, ...from, signal })) {
        if (event.type === 'ERROR') throw new StatusError(event.object as Status);
        events++;
        position = event.object.metadata.resourceVersion ?? position;
        notOlderThan = position;
        if (event.type !== 'BOOKMARK') target.changed(event.type, event.object);
        if (failures > 0) {
          backoff.reset();
          failures = 0;
        }
      }
      if (events === 0 && clock.now() - startedAt < 1000) await wait('The watch ended at once', undefined);
    } catch (error) {
      if (signal.aborted) return;
      if (isGone(error) || isTooNew(error)) {
        logger.debug('Listing again', { resource: type.resource, group: type.group, position, err: error });
        const relisting = position === undefined;
        position = undefined;
        notOlderThan = '';
        // The list itself was refused, or two watches in a row: no storm.
        if (relisting || failures > 0) await wait('Cannot list', error).catch(() => {});
        else failures++;
      } else {
        const why = position === undefined ? 'Waiting for the collection' : 'The watch broke off';
        await wait(why, error).catch(() => {});
      }
    }
  }
}

const isGone = (error: unknown): boolean => error instanceof StatusError && error.code === 410;

/** `Too large resource version`: the server is behind what was seen, for longer than it was willing to wait. */
const isTooNew = (error: unknown): boolean =>
  isStatus(error, 'Timeout') &&
  error.status.details?.causes?.some((cause) => cause.reason === 'ResourceVersionTooLarge') === true;
