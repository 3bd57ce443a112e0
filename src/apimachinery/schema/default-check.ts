/** Defaults of a CRD's schema must be values that the schema itself accepts, with nothing that pruning would take away. */
import { type FieldError, fieldError } from '../status-error.ts';
import { unknownFields } from './prune.ts';
import type { Schema } from './structural.ts';
import { validateValueAt } from './validate.ts';

/** Of a schema that is structural. */
export function defaultErrors(schema: Schema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const at = `${path}.default`;
  const value = schema.default;
  if (value !== undefined) {
    const embedded = schema['x-kubernetes-embedded-resource'] === true;
    if (typeof value === 'object' && value !== null && unknownFields(value, schema, embedded).length > 0)
      errors.push(fieldError.invalid(at, value, 'must not have unknown fields'));
    errors.push(...validateValueAt(value, schema, at));
  }
  for (const [name, child] of Object.entries(schema.properties ?? {}))
    errors.push(...defaultErrors(child, `${path}.properties[${name}]`));
  if (schema.items !== undefined) errors.push(...defaultErrors(schema.items, `${path}.items`));
  return errors;
}
