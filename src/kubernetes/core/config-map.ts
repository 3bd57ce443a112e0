/** ConfigMaps: rules, columns. */
import { type DeepReadonly, deepEqual } from '../../apimachinery/object.ts';
import { type FieldError, fieldError } from '../../apimachinery/status-error.ts';
import type { KindBehaviour } from '../kind.ts';
import { ageColumn, columnsOf, nameColumn } from '../printing/formats.ts';
import type { ConfigMap } from '../types.ts';

const { column } = columnsOf<ConfigMap>();
type Typed = DeepReadonly<ConfigMap>;

export const configMap: KindBehaviour = {
  validate(object) {
    const { data = {}, binaryData = {} } = object as Typed;
    const errors: FieldError[] = [];
    let size = 0;
    for (const [key, value] of Object.entries(data)) {
      errors.push(...checkDataKey(key, `data[${key}]`));
      if (Object.hasOwn(binaryData, key)) {
        errors.push(fieldError.invalid(`data[${key}]`, key, 'duplicate of key present in binaryData'));
      }
      size += Buffer.byteLength(value);
    }
    for (const [key, value] of Object.entries(binaryData)) {
      errors.push(...checkDataKey(key, `binaryData[${key}]`));
      size += Buffer.byteLength(value, 'base64');
    }
    // Upstream names no field here.
    if (size > maxDataSize) errors.push(fieldError.tooLong('', maxDataSize));
    return errors;
  },
  validateUpdate: (object, old) => checkImmutable(object as Typed, old as Typed, ['data', 'binaryData']),
  columns: [
    nameColumn,
    column('Data', ({ data, binaryData }) => Object.keys(data ?? {}).length + Object.keys(binaryData ?? {}).length),
    ageColumn,
  ],
};

/** Bytes of all values together. */
export const maxDataSize = 1048576;

export function checkDataKey(key: string, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (key.length > 253) errors.push(fieldError.invalid(field, key, 'must be no more than 253 characters'));
  if (!/^[-._a-zA-Z0-9]+$/.test(key)) {
    errors.push(
      fieldError.invalid(
        field,
        key,
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
      ),
    );
  } else if (key === '.' || key === '..') errors.push(fieldError.invalid(field, key, `must not be '${key}'`));
  else if (key.startsWith('..')) errors.push(fieldError.invalid(field, key, "must not start with '..'"));
  return errors;
}

interface MayBeImmutable {
  readonly immutable?: boolean;
}

export function checkImmutable<T extends MayBeImmutable>(
  object: T,
  old: T,
  fields: readonly (keyof T & string)[],
): FieldError[] {
  if (!old.immutable) return [];
  const text = 'field is immutable when `immutable` is set';
  const errors: FieldError[] = [];
  if (!object.immutable) errors.push(fieldError.forbidden('immutable', text));
  for (const field of fields) if (!deepEqual(object[field], old[field])) errors.push(fieldError.forbidden(field, text));
  return errors;
}
