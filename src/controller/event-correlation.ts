/** Which events are the same, which are similar, and which are too many (client-go's EventCorrelator). */
import type { Clock } from '../apimachinery/clock.ts';

export interface EventContent {
  involvedObject: {
    apiVersion: string;
    kind: string;
    name: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    /** The part that it is about: `spec.containers{main}`. */
    fieldPath?: string;
  };
  type: string;
  reason: string;
  message: string;
}

export interface EventCorrelator {
  /** Undefined: the object has used up its share. Otherwise the content, perhaps as a combined event, and what it is the same as. */
  admit(content: EventContent): { key: string; content: EventContent } | undefined;
  /** The Event that stands for the key on the server. */
  sent(key: string): { name: string; count: number } | undefined;
  remember(key: string, event: { name: string; count: number }): void;
}

/** So many entries are kept of each kind; the ones not used for longest go first. */
const cacheSize = 4096;
/** More than so many different messages within the interval are combined. */
const maxSimilar = 10;
const similarIntervalMs = 600_000;

export function createEventCorrelator(options: {
  clock: Clock;
  burstPerObject: number;
  refillMs: number;
}): EventCorrelator {
  const { clock, burstPerObject, refillMs } = options;
  const shares = createLru<{ tokens: number; at: number }>();
  /** The latest messages, each once: most families have one. */
  const similar = createLru<{ messages: string[]; at: number }>();
  const sent = createLru<{ name: string; count: number }>();

  const mayPass = (object: string): boolean => {
    const now = clock.now();
    const share = shares.get(object) ?? { tokens: burstPerObject, at: now };
    share.tokens = Math.min(burstPerObject, share.tokens + (now - share.at) / refillMs);
    share.at = now;
    shares.set(object, share);
    if (share.tokens < 1) return false;
    share.tokens--;
    return true;
  };

  return {
    admit(content) {
      const { apiVersion, kind, namespace = '', name, uid = '', fieldPath = '' } = content.involvedObject;
      const object = [kind, namespace, name, uid, apiVersion].join('\0');
      const family = [object, fieldPath, content.type, content.reason].join('\0');
      const now = clock.now();
      let group = similar.get(family);
      if (group === undefined || now - group.at > similarIntervalMs) group = { messages: [], at: now };
      group.at = now;
      if (!group.messages.includes(content.message)) group.messages.push(content.message);
      similar.set(family, group);
      const combined = group.messages.length >= maxSimilar;
      if (group.messages.length > maxSimilar) group.messages.shift();
      if (!mayPass(object)) return undefined;
      return combined
        ? { key: family, content: { ...content, message: `(combined from similar events): ${content.message}` } }
        : { key: `${family}\0${content.message}`, content };
    },
    sent: (key) => sent.get(key),
    remember: (key, event) => sent.set(key, event),
  };
}

function createLru<V>(): { get(key: string): V | undefined; set(key: string, value: V): void } {
  const entries = new Map<string, V>();
  return {
    get(key) {
      const value = entries.get(key);
      if (value === undefined) return undefined;
      entries.delete(key);
      entries.set(key, value);
      return value;
    },
    set(key, value) {
      entries.delete(key);
      entries.set(key, value);
      if (entries.size > cacheSize) entries.delete(entries.keys().next().value as string);
    },
  };
}
