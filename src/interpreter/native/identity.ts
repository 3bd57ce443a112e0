/** v1 ServiceAccount and Secret: what the member's token controller adds stays. */
import { cloneJson, type Unstructured } from '../../apimachinery/object.ts';
import { type Fields, type KindInterpreter, listAt, type Shared, textAt } from './kind-interpreter.ts';

export const serviceAccount: KindInterpreter = {
  Retain(desired, observed) {
    const copy = cloneJson<Unstructured>(desired);
    for (const key of ['secrets', 'imagePullSecrets']) {
      const union = unionByName(listAt(desired as Unstructured, key), listAt(observed as Unstructured, key));
      if (union.length > 0) copy[key] = union;
    }
    return copy;
  },
};

export const secret: KindInterpreter = {
  Retain(desired, observed) {
    const copy = cloneJson<Unstructured>(desired);
    if (!isTokenSecret(desired)) return copy;
    const data = (observed as Unstructured)['data'];
    if (data !== undefined) copy['data'] = cloneJson(data);
    return copy;
  },
};

function isTokenSecret(object: Shared): boolean {
  return textAt(object as Unstructured, 'type') === 'kubernetes.io/service-account-token';
}

function unionByName(first: readonly Fields[], second: readonly Fields[]): Fields[] {
  const names = new Set(first.map((entry) => entry['name']));
  return [...first, ...second.filter((entry) => !names.has(entry['name']))].map((entry) => cloneJson(entry));
}
