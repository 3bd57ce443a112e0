/** What makes a CRD's schema structural: checked when a CustomResourceDefinition is written. */
import { type FieldError, fieldError } from '../status-error.ts';
import { isKnownFormat } from './formats.ts';
import { compileRegex } from './regex.ts';
import type { Schema } from './structural.ts';

/** Broken rules of an openAPIV3Schema at `path` (`spec.versions[0].schema.openAPIV3Schema`). */
export function structuralErrors(schema: unknown, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!isMap(schema)) return [fieldError.typeInvalid(path, schema ?? null, 'must be an object')];
  if (schema['type'] !== 'object')
    errors.push(
      schema['type'] === undefined
        ? fieldError.required(`${path}.type`, 'must not be empty at the root')
        : fieldError.invalid(`${path}.type`, schema['type'], 'must be object at the root'),
    );
  if (schema['x-kubernetes-embedded-resource'] === true)
    errors.push(fieldError.forbidden(`${path}.x-kubernetes-embedded-resource`, 'must not be used at the root'));
  if (schema['nullable'] === true)
    errors.push(fieldError.forbidden(`${path}.nullable`, 'nullable cannot be true at the root'));
  if (schema['additionalProperties'] !== undefined)
    errors.push(fieldError.forbidden(`${path}.additionalProperties`, 'must not be used at the root'));
  checkNode(schema, path, { root: true, depth: 0 }, errors);
  return errors;
}

/** Formats that no rule is known for; they earn a Warning. */
export function unknownFormats(schema: Schema): string[] {
  const found = new Set<string>();
  const visit = (node: Schema): void => {
    if (node.format !== undefined && !isKnownFormat(node.format)) found.add(node.format);
    for (const child of Object.values(node.properties ?? {})) visit(child);
    if (typeof node.additionalProperties === 'object') visit(node.additionalProperties);
    if (node.items !== undefined) visit(node.items);
  };
  visit(schema);
  return [...found];
}

type Node = { readonly [keyword: string]: unknown };

/** Deeper schemas are refused. */
const maxDepth = 100;
const types: ReadonlySet<unknown> = new Set(['object', 'array', 'string', 'integer', 'number', 'boolean']);
const forbiddenKeywords = [
  '$ref',
  'definitions',
  'dependencies',
  'patternProperties',
  'additionalItems',
  'id',
  'deprecated',
];
const structureKeywords = [
  'default',
  'title',
  'description',
  'nullable',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-embedded-resource',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
  'x-kubernetes-validations',
];

/** Where a node stands: at the top, or as what an array holds. */
type Place = { root: boolean; depth: number; item?: boolean };

function checkNode(node: Node, path: string, place: Place, errors: FieldError[]): void {
  if (place.depth > maxDepth) {
    errors.push(fieldError.forbidden(path, `schemas may be nested at most ${maxDepth} levels deep`));
    return;
  }
  for (const keyword of forbiddenKeywords)
    if (node[keyword] !== undefined)
      errors.push(fieldError.forbidden(`${path}.${keyword}`, `${keyword} is not supported`));
  if (node['uniqueItems'] === true)
    errors.push(
      fieldError.forbidden(
        `${path}.uniqueItems`,
        'uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
      ),
    );

  const intOrString = node['x-kubernetes-int-or-string'] === true;
  const preserve = node['x-kubernetes-preserve-unknown-fields'] === true;
  const type = node['type'];
  if (intOrString) {
    if (type !== undefined)
      errors.push(fieldError.invalid(`${path}.type`, type, 'must be empty if x-kubernetes-int-or-string is true'));
  } else if (type === undefined) {
    const what = place.item === true ? 'array items' : 'object fields';
    if (!preserve && !place.root)
      errors.push(fieldError.required(`${path}.type`, `must not be empty for specified ${what}`));
  } else if (!types.has(type)) {
    errors.push(fieldError.notSupported(`${path}.type`, type, [...types].map(String)));
  }
  if (node['x-kubernetes-embedded-resource'] === true) {
    if (type !== 'object')
      errors.push(
        fieldError.invalid(`${path}.type`, type ?? '', 'must be object if x-kubernetes-embedded-resource is true'),
      );
    if (!preserve && node['properties'] === undefined)
      errors.push(
        fieldError.required(
          `${path}.properties`,
          'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields',
        ),
      );
  }
  if (
    node['properties'] !== undefined &&
    node['additionalProperties'] !== undefined &&
    node['additionalProperties'] !== false
  )
    errors.push(
      fieldError.forbidden(`${path}.additionalProperties`, 'additionalProperties and properties are mutual exclusive'),
    );
  if (node['additionalProperties'] === false)
    errors.push(fieldError.forbidden(`${path}.additionalProperties`, 'additionalProperties cannot be set to false'));
  if (type === 'array' && node['items'] === undefined && !preserve)
    errors.push(fieldError.required(`${path}.items`, 'must be specified'));
  checkExtensions(node, path, errors);
  checkListType(node, path, errors);
  checkRules(node, path, errors);
  if (place.root) checkMetadata(node, path, errors);

  const next = { root: false, depth: place.depth + 1 };
  if (isMap(node['properties']))
    for (const [name, child] of Object.entries(node['properties'])) {
      if (isMap(child)) checkNode(child, `${path}.properties[${name}]`, next, errors);
    }
  if (isMap(node['additionalProperties']))
    checkNode(node['additionalProperties'], `${path}.additionalProperties`, next, errors);
  if (Array.isArray(node['items']))
    errors.push(fieldError.forbidden(`${path}.items`, 'items must be a schema object and not an array'));
  else if (isMap(node['items'])) checkNode(node['items'], `${path}.items`, { ...next, item: true }, errors);
  checkJunctors(node, path, next.depth, errors);
}

function checkExtensions(node: Node, path: string, errors: FieldError[]): void {
  const preserve = node['x-kubernetes-preserve-unknown-fields'];
  if (preserve === false)
    errors.push(fieldError.invalid(`${path}.x-kubernetes-preserve-unknown-fields`, false, 'must be true or undefined'));
  if (node['x-kubernetes-int-or-string'] === true)
    for (const other of ['x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource'])
      if (node[other] === true)
        errors.push(
          fieldError.invalid(`${path}.${other}`, true, 'must be false if x-kubernetes-int-or-string is true'),
        );
  if (node['x-kubernetes-embedded-resource'] === true && node['additionalProperties'] !== undefined)
    errors.push(
      fieldError.forbidden(`${path}.additionalProperties`, 'must not be used if x-kubernetes-embedded-resource is set'),
    );
  const mapType = node['x-kubernetes-map-type'];
  if (mapType === undefined) return;
  if (node['type'] !== 'object')
    errors.push(
      fieldError.invalid(`${path}.type`, node['type'] ?? '', 'must be object if x-kubernetes-map-type is specified'),
    );
  if (mapType !== 'atomic' && mapType !== 'granular')
    errors.push(fieldError.notSupported(`${path}.x-kubernetes-map-type`, mapType, ['atomic', 'granular']));
}

/** Elements of a set are compared as a whole; nothing in them can be owned apart. */
function checkSetItems(items: Node, path: string, errors: FieldError[]): void {
  const [key, value] =
    items['type'] === 'object'
      ? (['x-kubernetes-map-type', items['x-kubernetes-map-type'] ?? 'granular'] as const)
      : (['x-kubernetes-list-type', items['x-kubernetes-list-type'] ?? 'atomic'] as const);
  if ((items['type'] === 'object' || items['type'] === 'array') && value !== 'atomic')
    errors.push(
      fieldError.invalid(
        `${path}.items.${key}`,
        items[key] ?? null,
        'must be atomic as item of a list with x-kubernetes-list-type=set',
      ),
    );
}

function checkListType(node: Node, path: string, errors: FieldError[]): void {
  const listType = node['x-kubernetes-list-type'];
  const keys = node['x-kubernetes-list-map-keys'];
  if (listType !== undefined && node['type'] !== 'array')
    errors.push(
      fieldError.invalid(`${path}.type`, node['type'] ?? '', 'must be array if x-kubernetes-list-type is specified'),
    );
  if (listType !== undefined && listType !== 'atomic' && listType !== 'set' && listType !== 'map')
    errors.push(fieldError.notSupported(`${path}.x-kubernetes-list-type`, listType, ['atomic', 'set', 'map']));
  const items = isMap(node['items']) ? node['items'] : {};
  if (items['nullable'] === true && (listType === 'set' || listType === 'map'))
    errors.push(
      fieldError.forbidden(`${path}.items.nullable`, `cannot be nullable when x-kubernetes-list-type is ${listType}`),
    );
  if (listType === 'set') checkSetItems(items, path, errors);
  if (listType !== 'map') {
    if (keys !== undefined)
      errors.push(
        fieldError.invalid(
          `${path}.x-kubernetes-list-type`,
          listType ?? '',
          'must be map if x-kubernetes-list-map-keys is non-empty',
        ),
      );
    return;
  }
  if (!Array.isArray(keys) || keys.length === 0) {
    errors.push(
      fieldError.required(`${path}.x-kubernetes-list-map-keys`, 'must not be empty if x-kubernetes-list-type is map'),
    );
    return;
  }
  if (node['items'] !== undefined && items['type'] !== 'object')
    errors.push(
      fieldError.invalid(
        `${path}.items.type`,
        items['type'] ?? '',
        "must be object if parent array's x-kubernetes-list-type is map",
      ),
    );
  const properties = isMap(items['properties']) ? items['properties'] : {};
  const required = Array.isArray(items['required']) ? items['required'] : [];
  for (const [i, key] of keys.entries()) {
    const property = isMap(properties[String(key)]) ? (properties[String(key)] as Node) : undefined;
    if (property === undefined)
      errors.push(
        fieldError.invalid(
          `${path}.x-kubernetes-list-map-keys[${i}]`,
          key,
          'entries must all be names of item properties',
        ),
      );
    else if (property['type'] === 'object' || property['type'] === 'array')
      errors.push(
        fieldError.invalid(
          `${path}.items.properties[${String(key)}].type`,
          property['type'],
          "must be a scalar type if parent array's x-kubernetes-list-type is map",
        ),
      );
    else if (!required.includes(key) && property['default'] === undefined)
      errors.push(
        fieldError.required(
          `${path}.items.properties[${String(key)}].default`,
          'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property',
        ),
      );
  }
}

function checkRules(node: Node, path: string, errors: FieldError[]): void {
  const { pattern } = node;
  if (typeof pattern === 'string') {
    try {
      compileRegex(pattern);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      errors.push(
        fieldError.invalid(`${path}.pattern`, pattern, `must be a valid regular expression, but isn't: ${why}`),
      );
    }
  }
  for (const keyword of ['required', 'enum'])
    if (node[keyword] !== undefined && !Array.isArray(node[keyword]))
      errors.push(fieldError.typeInvalid(`${path}.${keyword}`, node[keyword], 'must be an array'));
  for (const keyword of ['minLength', 'maxLength', 'minItems', 'maxItems', 'minProperties', 'maxProperties']) {
    const value = node[keyword];
    if (value !== undefined && (typeof value !== 'number' || !Number.isInteger(value) || value < 0))
      errors.push(fieldError.invalid(`${path}.${keyword}`, value, 'must be a non-negative integer'));
  }
}

function checkMetadata(node: Node, path: string, errors: FieldError[]): void {
  const metadata = isMap(node['properties']) ? node['properties']['metadata'] : undefined;
  if (!isMap(metadata) || !isMap(metadata['properties'])) return;
  for (const name of Object.keys(metadata['properties']))
    if (name !== 'name' && name !== 'generateName')
      errors.push(
        fieldError.forbidden(
          `${path}.properties[metadata]`,
          'must not specify anything other than name and generateName, but metadata is implicitly specified',
        ),
      );
}

/** Below allOf, anyOf, oneOf and not there are value validations only. */
function checkJunctors(node: Node, path: string, depth: number, errors: FieldError[]): void {
  const intOrString = node['x-kubernetes-int-or-string'] === true;
  for (const junctor of ['allOf', 'anyOf', 'oneOf'] as const) {
    const branches = node[junctor];
    if (!Array.isArray(branches)) continue;
    for (const [i, branch] of branches.entries())
      if (isMap(branch)) checkValueValidation(branch, `${path}.${junctor}[${i}]`, depth, intOrString, errors);
  }
  if (isMap(node['not'])) checkValueValidation(node['not'], `${path}.not`, depth, false, errors);
}

function checkValueValidation(
  node: Node,
  path: string,
  depth: number,
  mayHaveType: boolean,
  errors: FieldError[],
): void {
  if (depth > maxDepth) {
    errors.push(fieldError.forbidden(path, `schemas may be nested at most ${maxDepth} levels deep`));
    return;
  }
  for (const keyword of structureKeywords)
    if (node[keyword] !== undefined && node[keyword] !== '' && node[keyword] !== false)
      errors.push(fieldError.forbidden(`${path}.${keyword}`, `must be undefined to be structural`));
  if (node['type'] !== undefined && !mayHaveType)
    errors.push(fieldError.forbidden(`${path}.type`, 'must be empty to be structural'));
  if (node['additionalProperties'] !== undefined)
    errors.push(fieldError.forbidden(`${path}.additionalProperties`, 'must be undefined to be structural'));
  checkRules(node, path, errors);
  if (isMap(node['properties']) && node['properties']['metadata'] !== undefined)
    errors.push(fieldError.forbidden(`${path}.properties[metadata]`, 'must not be specified in a nested context'));
  if (isMap(node['properties']))
    for (const [name, child] of Object.entries(node['properties']))
      if (isMap(child)) checkValueValidation(child, `${path}.properties[${name}]`, depth + 1, false, errors);
  if (isMap(node['items'])) checkValueValidation(node['items'], `${path}.items`, depth + 1, false, errors);
  checkJunctors(node, path, depth + 1, errors);
}

function isMap(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
