/** Fields that a CRD lets clients select objects by: each a scalar that its schema declares. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import type { Schema } from '../../apimachinery/schema/structural.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';

const maxFields = 8;
const scalars: ReadonlySet<unknown> = new Set(['string', 'integer', 'boolean']);

export function selectableFieldErrors(
  fields: DeepReadonly<{ jsonPath: string }[]>,
  schema: Schema | undefined,
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  if (fields.length > maxFields) errors.push(fieldError.tooMany(path, fields.length, maxFields));
  const seen = new Set<string>();
  for (const [index, { jsonPath }] of fields.entries()) {
    const at = `${path}[${index}].jsonPath`;
    if (!jsonPath) errors.push(fieldError.required(at));
    else if (seen.has(jsonPath)) errors.push(fieldError.duplicate(at, jsonPath));
    else {
      const why = refusal(jsonPath, schema);
      if (why !== undefined) errors.push(fieldError.invalid(at, jsonPath, why));
    }
    seen.add(jsonPath);
  }
  return errors;
}

function refusal(jsonPath: string, schema: Schema | undefined): string | undefined {
  if (!/^(?:\.[A-Za-z_][A-Za-z0-9_-]*)+$/.test(jsonPath))
    return 'is an invalid path: must be a simple json path starting with .';
  const names = jsonPath.slice(1).split('.');
  if (names[0] === 'metadata') return 'must not point to fields in metadata';
  let node = schema;
  for (const name of names) node = node?.properties?.[name];
  if (node === undefined) return 'is an invalid path: does not refer to a valid field';
  return scalars.has(node.type)
    ? undefined
    : 'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.';
}
