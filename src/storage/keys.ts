/** Keys are strings, ordered by their UTF-8 bytes. */
import type { StoreEvent } from './store.ts';

/** Bytes; LMDB's limit for a page of 4 KiB, and the law for every backend. */
export const maxKeyBytes = 1978;

/** Throws on a key no backend can keep. */
export function checkKey(key: string): void {
  if (key === '') throw new Error('storage: a key must not be empty');
  // A UTF-16 unit takes at most three bytes.
  if (key.length * 3 <= maxKeyBytes) return;
  const bytes = Buffer.byteLength(key);
  if (bytes > maxKeyBytes)
    throw new Error(`storage: the key ${key.slice(0, 80)}… is ${bytes} bytes long, the limit is ${maxKeyBytes}`);
}

/** Throws when a txn writes one key twice: its order within the revision would be undefined. */
export function checkWrites(
  guards: readonly { readonly key: string }[],
  writes: readonly { readonly key: string }[],
): void {
  for (const guard of guards) checkKey(guard.key);
  for (const write of writes) checkKey(write.key);
  if (writes.length > 1 && new Set(writes.map((write) => write.key)).size !== writes.length)
    throw new Error('storage: a transaction may write each key only once');
}

/** Bytes of key and value that a change puts into the history. */
export const writtenBy = (event: StoreEvent): number =>
  event.type === 'put' ? event.kv.key.length + event.kv.value.length : event.key.length;

/** Byte order. UTF-16 and UTF-8 differ only where a surrogate (above U+FFFF) meets U+E000 to U+FFFF. */
export function compareKeys(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left === right) continue;
    return byteRank(left) - byteRank(right);
  }
  return a.length - b.length;
}

function byteRank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x10000 : unit;
}
