/** `--append-hash`: the name of a ConfigMap or Secret by what it holds, with kubectl's own hash. */
import { createHash } from 'node:crypto';
import type { Unstructured } from '../../apimachinery/object.ts';
import { flag } from '../../component/flags.ts';
import { goJson } from '../printing/go-json.ts';

export const appendHashFlag = flag.bool(false, 'Append a hash of the object to its name.');

/** Letters that make no words. */
const replaced: Readonly<Record<string, string>> = { 0: 'g', 1: 'h', 3: 'k', a: 'm', e: 't' };

export function withHash(object: Unstructured): Unstructured {
  const { kind, metadata, data = {}, binaryData, type = '' } = object as Unstructured & Record<string, unknown>;
  const hashed = {
    kind,
    name: metadata.name,
    data,
    ...(binaryData === undefined ? {} : { binaryData }),
    ...(kind === 'Secret' ? { type } : {}),
  };
  const hex = createHash('sha256').update(goJson(hashed)).digest('hex').slice(0, 10);
  const hash = hex.replace(/[013ae]/g, (c) => replaced[c] as string);
  return { ...object, metadata: { ...metadata, name: `${metadata.name}-${hash}` } };
}
