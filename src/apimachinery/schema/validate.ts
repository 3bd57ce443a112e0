/** Validation of objects by structural schemas, with the messages of an API server for custom resources. */
import { type DeepReadonly, deepEqual } from '../object.ts';
import { type FieldError, fieldError } from '../status-error.ts';
import { hasFormat } from './formats.ts';
import { RegexLimit } from './linear-match.ts';
import { childSchema } from './prune.ts';
import { compileRegex, maxRegexInput } from './regex.ts';
import type { Schema } from './structural.ts';

/**
 * All broken rules of an object. With `old` (the stored object on update), what did not change is not judged again: a rule
 * that came later must not make stored objects unwritable.
 */
export function validateSchema(object: DeepReadonly<object>, schema: Schema, old?: DeepReadonly<object>): FieldError[] {
  const errors: FieldError[] = [];
  validateValue(object, schema, '', old, errors);
  return errors;
}

/** The same of a value that stands at a path. */
export function validateValueAt(value: unknown, schema: Schema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  validateValue(value, schema, path, undefined, errors);
  return errors;
}

type JsonMap = Record<string, unknown>;

function validateValue(value: unknown, schema: Schema, path: string, old: unknown, errors: FieldError[]): void {
  if (old !== undefined && deepEqual(value, old)) return;
  if (value === null) {
    if (schema.nullable !== true && schema['x-kubernetes-preserve-unknown-fields'] !== true)
      errors.push(wrongType(path, schema.type ?? 'object', 'null'));
    return;
  }
  if (!hasType(value, schema)) {
    const expected = schema['x-kubernetes-int-or-string'] === true ? 'integer,string' : (schema.type ?? 'object');
    errors.push(wrongType(path, expected, typeOf(value)));
    return;
  }
  validateRules(value, schema, path, errors);
  if (Array.isArray(value)) validateItems(value, schema, path, old, errors);
  else if (typeof value === 'object') validateFields(value as JsonMap, schema, path, old, errors);
}

/** Value rules of one node, logical combinations included; children apart. */
function validateRules(value: unknown, schema: Schema, path: string, errors: FieldError[]): void {
  if (schema.enum !== undefined && !schema.enum.some((allowed) => deepEqual(allowed, value)))
    errors.push(fieldError.notSupported(path, value, schema.enum.map(String)));
  if (typeof value === 'string') validateString(value, schema, path, errors);
  else if (typeof value === 'number') validateNumber(value, schema, path, errors);
  else if (Array.isArray(value)) {
    const { minItems, maxItems } = schema;
    if (maxItems !== undefined && value.length > maxItems)
      errors.push(fieldError.tooMany(path, value.length, maxItems));
    if (minItems !== undefined && value.length < minItems)
      errors.push(fieldError.invalid(path, value.length, `${path} in body should have at least ${minItems} items`));
  } else if (typeof value === 'object' && value !== null) {
    const count = Object.keys(value).length;
    const { minProperties, maxProperties } = schema;
    if (maxProperties !== undefined && count > maxProperties)
      errors.push(fieldError.tooMany(path, count, maxProperties));
    if (minProperties !== undefined && count < minProperties)
      errors.push(fieldError.invalid(path, count, `${path} in body should have at least ${minProperties} properties`));
  }
  validateCombinations(value, schema, path, errors);
}

function validateString(value: string, schema: Schema, path: string, errors: FieldError[]): void {
  const { minLength, maxLength, pattern, format } = schema;
  if (minLength !== undefined || maxLength !== undefined) {
    const length = [...value].length;
    if (maxLength !== undefined && length > maxLength) errors.push(fieldError.tooLong(path, maxLength));
    if (minLength !== undefined && length < minLength)
      errors.push(fieldError.invalid(path, value, `${path} in body should be at least ${minLength} chars long`));
  }
  if (pattern !== undefined && !matchesPattern(value, pattern))
    errors.push(fieldError.invalid(path, value, `${path} in body should match '${pattern}'`));
  if (format !== undefined && !hasFormat(format, value))
    errors.push(fieldError.invalid(path, value, `${path} in body must be of type ${format}: ${JSON.stringify(value)}`));
}

/** A text that is too long for a pattern, or too much work, does not match it. */
function matchesPattern(value: string, pattern: string): boolean {
  if (value.length > maxRegexInput) return false;
  try {
    return compileRegex(pattern).test(value);
  } catch (error) {
    if (error instanceof RegexLimit) return false;
    throw error;
  }
}

function validateNumber(value: number, schema: Schema, path: string, errors: FieldError[]): void {
  const { minimum, maximum, multipleOf, format } = schema;
  const bad = (rule: string): void => {
    errors.push(fieldError.invalid(path, value, `${path} in body should be ${rule}`));
  };
  if (maximum !== undefined) {
    if (schema.exclusiveMaximum === true ? value >= maximum : value > maximum)
      bad(schema.exclusiveMaximum === true ? `less than ${maximum}` : `less than or equal to ${maximum}`);
  }
  if (minimum !== undefined) {
    if (schema.exclusiveMinimum === true ? value <= minimum : value < minimum)
      bad(schema.exclusiveMinimum === true ? `greater than ${minimum}` : `greater than or equal to ${minimum}`);
  }
  if (multipleOf !== undefined && multipleOf > 0) {
    const quotient = value / multipleOf;
    if (Math.abs(quotient - Math.round(quotient)) > 1e-9) bad(`a multiple of ${multipleOf}`);
  }
  if (schema.type === 'integer' && format === 'int32' && Math.abs(value + 0.5) > 2 ** 31)
    errors.push(fieldError.invalid(path, value, `${path} in body must be of type integer with format int32`));
}

/** allOf adds its own findings; anyOf, oneOf and not only say that none, or too many, of their branches hold. */
function validateCombinations(value: unknown, schema: Schema, path: string, errors: FieldError[]): void {
  const holds = (branch: Schema): boolean => {
    const found: FieldError[] = [];
    validateBranch(value, branch, path, found);
    return found.length === 0;
  };
  const quoted = JSON.stringify(path);
  for (const branch of schema.allOf ?? []) validateBranch(value, branch, path, errors);
  if (schema.anyOf !== undefined && schema['x-kubernetes-int-or-string'] !== true && !schema.anyOf.some(holds))
    errors.push(composite(`${quoted} must validate at least one schema (anyOf)`));
  if (schema.oneOf !== undefined) {
    const valid = schema.oneOf.filter(holds).length;
    if (valid === 0)
      errors.push(composite(`${quoted} must validate one and only one schema (oneOf). Found none valid`));
    if (valid > 1)
      errors.push(
        composite(`${quoted} must validate one and only one schema (oneOf). Found ${valid} valid alternatives`),
      );
  }
  if (schema.not !== undefined && holds(schema.not))
    errors.push(composite(`${quoted} must not validate the schema (not)`));
}

/** A branch is a value validation: it may lack types, and tells nothing about fields it does not name. */
function validateBranch(value: unknown, branch: Schema, path: string, errors: FieldError[]): void {
  if (branch.type !== undefined && !hasType(value, branch)) {
    errors.push(wrongType(path, branch.type, typeOf(value)));
    return;
  }
  validateRules(value, branch, path, errors);
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    if (branch.items !== undefined)
      for (const [i, item] of value.entries()) validateBranch(item, branch.items, `${path}[${i}]`, errors);
    return;
  }
  const map = value as JsonMap;
  for (const name of branch.required ?? [])
    if (!Object.hasOwn(map, name)) errors.push(fieldError.required(at(path, name)));
  for (const key of Object.keys(map)) {
    const child = childSchema(branch, key);
    if (child !== undefined && child !== true) validateBranch(map[key], child, at(path, key), errors);
  }
}

function validateFields(map: JsonMap, schema: Schema, path: string, old: unknown, errors: FieldError[]): void {
  const before = typeof old === 'object' && old !== null && !Array.isArray(old) ? (old as JsonMap) : undefined;
  for (const name of schema.required ?? [])
    if (!Object.hasOwn(map, name)) errors.push(fieldError.required(at(path, name)));
  if (schema['x-kubernetes-embedded-resource'] === true) {
    for (const name of ['apiVersion', 'kind'])
      if (typeof map[name] !== 'string' || map[name] === '')
        errors.push(fieldError.required(at(path, name), 'must not be empty'));
  }
  for (const key of Object.keys(map)) {
    const child = childSchema(schema, key);
    if (child === undefined || child === true) continue;
    validateValue(map[key], child, at(path, key), before?.[key], errors);
  }
}

function validateItems(
  list: readonly unknown[],
  schema: Schema,
  path: string,
  old: unknown,
  errors: FieldError[],
): void {
  const keys = schema['x-kubernetes-list-type'] === 'map' ? (schema['x-kubernetes-list-map-keys'] ?? []) : undefined;
  const idOf = (item: unknown): string | undefined => {
    if (keys === undefined || typeof item !== 'object' || item === null) return undefined;
    return JSON.stringify(keys.map((key) => (item as JsonMap)[key] ?? null));
  };
  if (schema['x-kubernetes-list-type'] === 'set') reportDuplicates(list, path, (item) => JSON.stringify(item), errors);
  else if (keys !== undefined) reportDuplicates(list, path, idOf, errors, keys);
  const { items } = schema;
  if (items === undefined) return;
  const before = new Map<string, unknown>();
  if (keys !== undefined && Array.isArray(old)) for (const item of old) before.set(idOf(item) ?? '', item);
  for (const [i, item] of list.entries()) {
    const id = idOf(item);
    validateValue(item, items, `${path}[${i}]`, id === undefined ? undefined : before.get(id), errors);
  }
}

function reportDuplicates(
  list: readonly unknown[],
  path: string,
  idOf: (item: unknown) => string | undefined,
  errors: FieldError[],
  keys?: readonly string[],
): void {
  const seen = new Set<string>();
  for (const [i, item] of list.entries()) {
    const id = idOf(item);
    if (id === undefined) continue;
    if (seen.has(id)) {
      const shown = keys === undefined ? item : Object.fromEntries(keys.map((key) => [key, (item as JsonMap)[key]]));
      errors.push(fieldError.duplicate(`${path}[${i}]`, shown));
    }
    seen.add(id);
  }
}

function hasType(value: unknown, schema: Schema): boolean {
  if (schema['x-kubernetes-int-or-string'] === true)
    return typeof value === 'string' || (typeof value === 'number' && Number.isInteger(value));
  switch (schema.type) {
    case undefined:
      return true;
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return typeof value === 'number' && Number.isInteger(value);
    default:
      return typeof value === schema.type;
  }
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

const wrongType = (path: string, expected: string, actual: string): FieldError =>
  fieldError.typeInvalid(
    path === '' ? '<nil>' : path,
    actual,
    `${path} in body must be of type ${expected}: "${actual}"`,
  );

const composite = (text: string): FieldError => fieldError.invalid('<nil>', '', text);

const at = (path: string, key: string): string => (path === '' ? key : `${path}.${key}`);
