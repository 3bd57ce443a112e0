/** fieldOverrider: edits a JSON or YAML document that is the text of one field, as in a ConfigMap. */
import { parse, stringify } from 'yaml';
import type { DeepReadonly, Unstructured } from '../../apimachinery/object.ts';
import { applyJsonPatch, type JsonPatchOperation } from '../../apimachinery/patch/json.ts';
import type { FieldOverrider, FieldPatchOperation } from '../../apis/policy/v1alpha1/override-policy.ts';
import { stringAt } from './template-fields.ts';

/** Most aliases one YAML document may expand to. */
const maxAliases = 100;

/** @throws when the field holds no string, the text cannot be parsed, or an operation does not apply */
export function overrideFields(
  object: Unstructured,
  overriders: readonly DeepReadonly<FieldOverrider>[],
): Unstructured {
  let result = object;
  for (const { fieldPath, json = [], yaml = [] } of overriders) {
    let text = stringAt(result, fieldPath);
    if (yaml.length > 0) text = stringify(patched(parse(text, { maxAliasCount: maxAliases }), yaml), yamlStyle);
    if (json.length > 0) text = JSON.stringify(patched(JSON.parse(text), json));
    result = applyJsonPatch(result, [{ op: 'replace', path: fieldPath, value: text }]) as Unstructured;
  }
  return result;
}

/** As Go programs print YAML: sorted keys, no wrapped lines. */
const yamlStyle = { lineWidth: 0, indentSeq: false, sortMapEntries: true, aliasDuplicateObjects: false } as const;

function patched(document: unknown, operations: readonly DeepReadonly<FieldPatchOperation>[]): unknown {
  return applyJsonPatch(
    document,
    operations.map(({ operator, subPath, value }): JsonPatchOperation => {
      return operator === 'remove'
        ? { op: 'remove', path: subPath }
        : { op: operator, path: subPath, value: value ?? null };
    }),
  );
}
