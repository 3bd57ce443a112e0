/**
 * Events for users, sent beside the work: recording only puts them into a bounded queue, one request is in flight at a time
 * (with a pace: few a second while there is work), and when the server is busy or away Events are dropped rather than anything
 * waiting for them. Warnings go first, and are dropped last.
 *
 * As client-go does it, the same event again is a higher count of the first one, many similar ones (another message only) are
 * combined, and one object can spend 25 at once and one more every five minutes.
 */
import { type Clock, formatTime, systemClock } from '../apimachinery/clock.ts';
import type { DeepReadonly, KubeObject } from '../apimachinery/object.ts';
import { isNotFound, StatusError } from '../apimachinery/status-error.ts';
import type { Client } from '../client/client.ts';
import { type Logger, silentLogger } from '../component/logging.ts';
import { events } from '../kubernetes/resource-types.ts';
import { createEventCorrelator, type EventContent } from './event-correlation.ts';
import type { EventPace } from './event-pace.ts';

export interface EventAbout {
  /** The part of the object: `spec.containers{main}`. */
  fieldPath?: string;
  /** Where it happened: a node. */
  host?: string;
}

export interface EventRecorder {
  /** Never waits and never throws. `type` is Normal or Warning; reason and message as upstream's. */
  event(
    object: DeepReadonly<KubeObject>,
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
    about?: EventAbout,
  ): void;
  /** Resolves when everything recorded so far was sent or dropped, at the latest after `timeoutMs` (default 2 s). */
  flush(timeoutMs?: number): Promise<void>;
}

export interface EventRecorderOptions {
  clock?: Clock | undefined;
  logger?: Logger | undefined;
  /** Events waiting to be sent; more are dropped. Default 10,000: some megabytes. */
  limit?: number | undefined;
  /** Default: one after the other. */
  pace?: EventPace | undefined;
  /** Spam filter of client-go; default 25 and one per 300 s. */
  burstPerObject?: number | undefined;
  refillMs?: number | undefined;
}

interface CoreEvent extends KubeObject {
  involvedObject: EventContent['involvedObject'];
  type: string;
  reason: string;
  message: string;
  count: number;
  firstTimestamp: string;
  lastTimestamp: string;
  source: { component: string; host?: string };
  reportingComponent: string;
  reportingInstance: string;
  eventTime: null;
}

interface Pending {
  /** Of its name: clients show Events of one second in the order of their names. */
  suffix: string;
  content: EventContent;
  host: string | undefined;
  count: number;
  firstAt: number;
  lastAt: number;
}

const maxTries = 3;

/** `component` is the source: upstream's controller name. */
export function createEventRecorder(
  client: Client,
  component: string,
  options: EventRecorderOptions = {},
): EventRecorder {
  const {
    clock = systemClock,
    logger = silentLogger,
    limit = 10_000,
    burstPerObject = 25,
    refillMs = 300_000,
  } = options;
  const resource = client.resource<CoreEvent>(events);
  const correlator = createEventCorrelator({ clock, burstPerObject, refillMs });
  /** In the order of arrival; an event that waits already only counts up. */
  const warnings = new Map<string, Pending>();
  const others = new Map<string, Pending>();
  const queueOf = ({ type }: EventContent): Map<string, Pending> => (type === 'Warning' ? warnings : others);
  const waiting = (): number => warnings.size + others.size;
  const idle: (() => void)[] = [];
  const nextSuffix = createSuffixes();
  let sending = false;
  let flushing = 0;
  let dropped = 0;

  const send = async (key: string, pending: Pending): Promise<void> => {
    const { content, host, count, firstAt, lastAt, suffix } = pending;
    const namespace = content.involvedObject.namespace ?? 'default';
    const known = correlator.sent(key);
    if (known !== undefined) {
      const total = known.count + count;
      const patch = { count: total, lastTimestamp: formatTime(lastAt), message: content.message };
      try {
        await resource.patch({ namespace, name: known.name }, 'strategic', patch);
        correlator.remember(key, { name: known.name, count: total });
        return;
      } catch (error) {
        // Events expire: then it is a new one.
        if (!isNotFound(error)) throw error;
      }
    }
    const name = `${content.involvedObject.name}.${suffix}`;
    await resource.create({
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name, namespace },
      ...content,
      source: { component, ...(host === undefined ? {} : { host }) },
      reportingComponent: component,
      reportingInstance: host ?? '',
      firstTimestamp: formatTime(firstAt),
      lastTimestamp: formatTime(lastAt),
      eventTime: null,
      count,
    });
    correlator.remember(key, { name, count });
  };

  const drain = async (): Promise<void> => {
    while (waiting() > 0) {
      if (flushing === 0) await options.pace?.turn();
      const queue = warnings.size > 0 ? warnings : others;
      const [next] = queue;
      if (next === undefined) return;
      const [key, pending] = next;
      queue.delete(key);
      for (let tries = 1; ; tries++) {
        try {
          await send(key, pending);
          break;
        } catch (error) {
          // What the server refused it will refuse again; where it could not be reached it may be back in a moment.
          if (error instanceof StatusError || tries >= maxTries) {
            logger.debug('Event not recorded', { reason: pending.content.reason, err: error });
            break;
          }
          await clock.sleep(200 * tries);
        }
      }
    }
  };

  const start = async (): Promise<void> => {
    if (sending) return;
    sending = true;
    try {
      // What was recorded in this turn of the event loop goes first: a reconciler's own writes are ahead of its Events.
      await new Promise((resolve) => setImmediate(resolve));
      // Here, with nothing to await between the last look and the end: what is recorded meanwhile must not stay behind.
      while (waiting() > 0) await drain();
    } finally {
      sending = false;
      if (dropped > 0) logger.warn('Events were dropped: the queue was full', { dropped, limit });
      dropped = 0;
      for (const resolve of idle.splice(0)) resolve();
    }
  };

  return {
    event(object, type, reason, message, { fieldPath, host } = {}) {
      const correlated = correlator.admit(contentOf(object, type, reason, message, fieldPath));
      if (correlated === undefined) return;
      const { key, content } = correlated;
      const now = clock.now();
      const queue = queueOf(content);
      const known = queue.get(key);
      if (known !== undefined) {
        known.count++;
        known.lastAt = now;
        known.content = content;
      } else {
        if (waiting() >= limit) {
          dropped++;
          const [oldest] = others.keys();
          if (queue !== warnings || oldest === undefined) return;
          others.delete(oldest);
        }
        queue.set(key, { suffix: nextSuffix(now), content, host, count: 1, firstAt: now, lastAt: now });
      }
      void start();
    },
    async flush(timeoutMs = 2000) {
      if (!sending && waiting() === 0) return;
      flushing++;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        idle.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
      flushing--;
    },
  };
}

function contentOf(
  object: DeepReadonly<KubeObject>,
  type: string,
  reason: string,
  message: string,
  fieldPath: string | undefined,
): EventContent {
  const { apiVersion, kind, metadata } = object;
  const { namespace, name = '', uid, resourceVersion } = metadata;
  return {
    involvedObject: {
      apiVersion,
      kind,
      name,
      ...(namespace ? { namespace } : {}),
      ...(uid ? { uid } : {}),
      ...(resourceVersion ? { resourceVersion } : {}),
      ...(fieldPath === undefined ? {} : { fieldPath }),
    },
    type,
    reason,
    message,
  };
}

/** Nanoseconds since the epoch in hexadecimal, as client-go names Events; never the same twice. */
function createSuffixes(): (now: number) => string {
  let last = 0n;
  return (now) => {
    const nanos = BigInt(now) * 1_000_000n + (process.hrtime.bigint() % 1_000_000n);
    last = nanos > last ? nanos : last + 1n;
    return last.toString(16);
  };
}
