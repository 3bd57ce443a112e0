/** What an expression gave, as JSON. */
import { durationText, timestampText } from './time-functions.ts';
import { Duration, isList, isMap, Optional, Timestamp, Uint, type Value } from './values.ts';

/** Undefined for what has no value: an empty optional. */
export function toJson(value: Value): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number')
    return value;
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof Uint) return Number(value.value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof Timestamp) return timestampText(value);
  if (value instanceof Duration) return durationText(value);
  if (value instanceof Optional) return value.value === undefined ? undefined : toJson(value.value);
  if (isList(value)) return value.items.map(toJson);
  if (!isMap(value)) return undefined;
  const entries = value.keys().map((key): [string, unknown] => [String(toJson(key)), toJson(value.get(key) ?? null)]);
  return Object.fromEntries(entries.filter(([, entry]) => entry !== undefined));
}
