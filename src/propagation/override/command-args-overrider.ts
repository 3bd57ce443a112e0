/** commandOverrider and argsOverrider: words of the command line of the containers with a name. */
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import { applyJsonPatch, type JsonPatchOperation } from '../../apimachinery/patch/json.ts';
import type { CommandArgsOverrider } from '../../apis/policy/v1alpha1/override-policy.ts';
import { containersOf, containersPath } from './template-fields.ts';

type Overrider = DeepReadonly<CommandArgsOverrider>;

export function overrideCommandLine(
  object: Unstructured,
  field: 'command' | 'args',
  overriders: readonly Overrider[],
): Unstructured {
  const prefix = containersPath(object.kind);
  if (prefix === undefined) return object;
  let result = object;
  for (const overrider of overriders) {
    const patch = containersOf(result, prefix).flatMap((container, i): JsonPatchOperation[] =>
      container['name'] === overrider.containerName
        ? [{ op: 'add', path: `${prefix}/${i}/${field}`, value: overrideWords(container[field], overrider) }]
        : [],
    );
    if (patch.length > 0) result = applyJsonPatch(result, patch) as Unstructured;
  }
  return result;
}

/** An absent list counts as an empty one, and is written. */
function overrideWords(words: unknown, { operator, value = [] }: Overrider): string[] {
  const present = Array.isArray(words) ? (words as string[]) : [];
  if (operator === 'add') return [...present, ...value];
  const taken = new Set(value);
  return present.filter((word) => !taken.has(word));
}
