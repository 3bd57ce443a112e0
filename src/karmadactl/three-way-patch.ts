/** What has to change in an object so that it is as written: a JSON merge patch, by what was written last time. */
import { deepEqual, type Unstructured } from '../apimachinery/object.ts';

/** What was applied last, as JSON. */
export const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

type Json = Record<string, unknown>;
const isMap = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** undefined: nothing has to change. `modified` carries its own last-applied annotation. */
export function threeWayPatch(current: Unstructured, modified: Unstructured): Json | undefined {
  const text = current.metadata.annotations?.[lastApplied];
  const original = text === undefined ? {} : (JSON.parse(text) as Json);
  const { status: _status, ...written } = modified as unknown as Json;
  const patch = difference(original, current as unknown as Json, written);
  const annotations = (patch['metadata'] as Json | undefined)?.['annotations'] as Json | undefined;
  // The annotation alone is no change when it says the same as before.
  if (annotations !== undefined && text !== undefined && sameJson(text, modified.metadata.annotations?.[lastApplied])) {
    delete annotations[lastApplied];
    if (Object.keys(annotations).length === 0) delete (patch['metadata'] as Json)['annotations'];
    if (Object.keys(patch['metadata'] as Json).length === 0) delete patch['metadata'];
  }
  return Object.keys(patch).length === 0 ? undefined : patch;
}

const sameJson = (a: string, b: string | undefined): boolean =>
  b !== undefined && deepEqual(JSON.parse(a), JSON.parse(b));

function difference(original: Json, current: Json, modified: Json): Json {
  const patch: Json = {};
  for (const [key, wanted] of Object.entries(modified)) {
    const have = current[key];
    if (isMap(wanted) && isMap(have)) {
      const before = original[key];
      const inner = difference(isMap(before) ? before : {}, have, wanted);
      if (Object.keys(inner).length > 0) patch[key] = inner;
    } else if (Array.isArray(wanted) && deepEqual(wanted, original[key]) && covers(have, wanted)) {
      // Defaults that the server filled in stay.
    } else if (wanted === null ? have !== undefined : !deepEqual(have, wanted)) patch[key] = wanted;
  }
  for (const key of Object.keys(original)) if (!(key in modified) && key in current) patch[key] = null;
  return patch;
}

/** Everything that `wanted` says is so; there may be more. */
function covers(have: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted))
    return Array.isArray(have) && have.length === wanted.length && wanted.every((one, at) => covers(have[at], one));
  if (isMap(wanted)) return isMap(have) && Object.entries(wanted).every(([key, value]) => covers(have[key], value));
  return deepEqual(have, wanted);
}
