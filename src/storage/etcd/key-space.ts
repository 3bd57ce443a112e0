/**
 * Where a store lies in etcd. The keys of the store begin with `/` and stand behind the prefix; what the store keeps of
 * itself stands at `<prefix>.`, in front of them, so that one watch sees both:
 *
 *   /registry.progress     written to have a revision pass by (watch.ts)
 *   /registry.revision     which revision the store had when this key was written (etcd-store.ts)
 *   /registry/…            the store's keys
 */
import { checkKey } from '../keys.ts';

export interface KeySpace {
  readonly prefix: string;
  readonly progressKey: Buffer;
  readonly revisionKey: Buffer;
  /** Throws on a key no backend can keep. */
  key(key: string): Buffer;
  /** Undefined for what is not a key of the store. */
  storeKey(key: Buffer): string | undefined;
  /** The keys that begin with a prefix, behind one of them if given: from, and to before. */
  range(prefix: string, after?: string): { key: Buffer; range_end: Buffer };
  /** The same for a watch, with what the store keeps of itself when the prefix is empty. */
  watched(prefix: string): { key: Buffer; range_end: Buffer };
}

const zero = Buffer.from([0]);
/** No key has this byte: they are UTF-8. */
const last = Buffer.from([0xff]);

export function createKeySpace(prefix: string): KeySpace {
  if (prefix !== '' && (!prefix.startsWith('/') || prefix.endsWith('/')))
    throw new Error(`etcd: the prefix ${JSON.stringify(prefix)} must begin with a slash and not end with one`);
  const start = Buffer.byteLength(prefix);
  const bytes = (text: string): Buffer => Buffer.from(prefix + text);
  const endOf = (text: string): Buffer => (text === '' ? bytes('0') : Buffer.concat([bytes(text), last]));
  return {
    prefix,
    progressKey: bytes('.progress'),
    revisionKey: bytes('.revision'),
    key(key) {
      checkKey(key);
      if (!key.startsWith('/')) throw new Error(`etcd: the key ${key} must begin with a slash`);
      return bytes(key);
    },
    storeKey: (key) => (key[start] === 0x2f ? key.toString('utf8', start) : undefined),
    range(under, after) {
      const first = bytes(under === '' ? '/' : under);
      const behind = after === undefined ? first : Buffer.concat([bytes(after), zero]);
      return { key: Buffer.compare(first, behind) < 0 ? behind : first, range_end: endOf(under) };
    },
    watched: (under) => ({ key: bytes(under === '' ? '.' : under), range_end: endOf(under) }),
  };
}
