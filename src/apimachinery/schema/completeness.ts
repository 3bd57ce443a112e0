/** What logical combinations (allOf, anyOf, oneOf, not) speak of must be there outside of them, too. */
import { type FieldError, fieldError } from '../status-error.ts';
import type { Schema } from './structural.ts';

export function completenessErrors(schema: Schema, path: string): FieldError[] {
  const errors = branches(schema, path).flatMap(([branch, at]) => branchErrors(branch, at, schema, path));
  for (const [name, child] of Object.entries(schema.properties ?? {}))
    errors.push(...completenessErrors(child, `${path}.properties[${name}]`));
  if (schema.items !== undefined) errors.push(...completenessErrors(schema.items, `${path}.items`));
  const { additionalProperties } = schema;
  if (typeof additionalProperties === 'object')
    errors.push(...completenessErrors(additionalProperties, `${path}.additionalProperties`));
  return errors;
}

/** `schema`: the structural node at `path`, undefined where there is none. */
function branchErrors(branch: Schema, at: string, schema: Schema | undefined, path: string): FieldError[] {
  if (schema === undefined) return [fieldError.required(path, `because it is defined in ${at}`)];
  const errors = branches(branch, at).flatMap(([next, nextAt]) => branchErrors(next, nextAt, schema, path));
  for (const [name, child] of Object.entries(branch.properties ?? {}))
    errors.push(
      ...branchErrors(child, `${at}.properties[${name}]`, schema.properties?.[name], `${path}.properties[${name}]`),
    );
  if (branch.items !== undefined)
    errors.push(...branchErrors(branch.items, `${at}.items`, schema.items, `${path}.items`));
  return errors;
}

function branches(schema: Schema, path: string): [Schema, string][] {
  const lists = (['allOf', 'anyOf', 'oneOf'] as const).flatMap((junctor) =>
    (schema[junctor] ?? []).map((branch, i): [Schema, string] => [branch, `${path}.${junctor}[${i}]`]),
  );
  return schema.not === undefined ? lists : [...lists, [schema.not, `${path}.not`]];
}
