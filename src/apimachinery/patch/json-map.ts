/** Safe handling of JSON maps whose keys come from users (`__proto__` is an ordinary key). */

export type JsonMap = { [key: string]: unknown };

export function isMap(value: unknown): value is JsonMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function entriesOf(map: Readonly<JsonMap>): [string, unknown][] {
  return Object.entries(map);
}

export function setKey(map: JsonMap, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(map, key, { value, enumerable: true, writable: true, configurable: true });
  else map[key] = value;
}

export function getKey(map: Readonly<JsonMap>, key: string): unknown {
  return Object.hasOwn(map, key) ? map[key] : undefined;
}
