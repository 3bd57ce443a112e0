/** plaintext: a JSON patch on the whole template. One operation that fails fails all of them. */
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import { applyJsonPatch, type JsonPatchOperation } from '../../apimachinery/patch/json.ts';
import type { PlaintextOverrider } from '../../apis/policy/v1alpha1/override-policy.ts';

export function overridePlaintext(
  object: Unstructured,
  overriders: readonly DeepReadonly<PlaintextOverrider>[],
): Unstructured {
  if (overriders.length === 0) return object;
  const patch = overriders.map(({ operator, path, value }): JsonPatchOperation => {
    return operator === 'remove' ? { op: 'remove', path } : { op: operator, path, value: value ?? null };
  });
  return applyJsonPatch(object, patch) as Unstructured;
}
