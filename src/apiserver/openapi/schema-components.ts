/** Schema graphs as OpenAPI 3 components: shared nodes once by their name, `$ref` everywhere else. */
import type { GroupVersionKind } from '../../apimachinery/group-version.ts';
import type { Schema } from '../../apimachinery/schema/structural.ts';
import { descriptionOf } from './descriptions.ts';

export type JsonObject = { [key: string]: unknown };

export interface Components {
  /** By definition name, in the order in which they were met. */
  readonly schemas: Map<string, JsonObject>;
  /** The form of a node that stands where a reference is allowed (body, items): `{$ref}` for a shared node, else the node. */
  reference(schema: Schema): JsonObject;
  /** Publishes a node under its own name and marks the kind it belongs to. Returns the reference. */
  publishKind(schema: Schema, gvk: GroupVersionKind): JsonObject;
  /** Publishes a node that no Schema describes (lists). */
  publish(name: string, node: JsonObject): JsonObject;
}

/** `prefix`: where documents of this version keep schemas: `#/components/schemas/` (v3), `#/definitions/` (v2). */
export function createComponents(prefix: string): Components {
  const schemas = new Map<string, JsonObject>();

  const reference = (schema: Schema): JsonObject => {
    const name = schema.definition;
    if (name === undefined) return node(schema);
    if (!schemas.has(name)) {
      // Entered before it is filled: a cyclic node meets its own name.
      const entry: JsonObject = {};
      schemas.set(name, entry);
      Object.assign(entry, node(schema));
    }
    return { $ref: `${prefix}${name}` };
  };

  /** A property that refers keeps room for keywords beside the reference: allOf with one entry. */
  const child = (schema: Schema): JsonObject => {
    const form = reference(schema);
    return '$ref' in form ? { allOf: [form] } : form;
  };

  const node = (schema: Schema): JsonObject => {
    const result: JsonObject = {};
    const { definition } = schema;
    if (definition !== undefined) describe(result, descriptionOf(definition));
    for (const key of plainKeywords) if (schema[key] !== undefined) result[key] = schema[key];
    if (schema.properties !== undefined)
      result['properties'] = Object.fromEntries(
        Object.entries(schema.properties).map(([name, property]) => {
          const form = child(property);
          if (definition !== undefined && form['description'] === undefined)
            describe(form, descriptionOf(definition, name));
          return [name, form];
        }),
      );
    if (schema.items !== undefined) result['items'] = child(schema.items);
    if (typeof schema.additionalProperties === 'object')
      result['additionalProperties'] = child(schema.additionalProperties);
    else if (schema.additionalProperties !== undefined) result['additionalProperties'] = schema.additionalProperties;
    for (const key of ['allOf', 'anyOf', 'oneOf'] as const)
      if (schema[key] !== undefined) result[key] = schema[key].map(reference);
    if (schema.not !== undefined) result['not'] = reference(schema.not);
    return result;
  };

  const publish = (name: string, entry: JsonObject): JsonObject => {
    if (!schemas.has(name)) schemas.set(name, entry);
    return { $ref: `${prefix}${name}` };
  };

  return {
    schemas,
    reference,
    publish,
    publishKind(schema, gvk) {
      const name = schema.definition ?? gvk.kind;
      const known = schemas.get(name);
      const entry: JsonObject = known ?? {};
      schemas.set(name, entry);
      if (known === undefined) Object.assign(entry, node(schema));
      const kinds = (entry[kindExtension] as GroupVersionKind[] | undefined) ?? [];
      const { group, version, kind } = gvk;
      if (!kinds.some((known) => known.group === group && known.version === version && known.kind === kind))
        entry[kindExtension] = [...kinds, { group, version, kind }];
      return { $ref: `${prefix}${name}` };
    },
  };
}

function describe(node: JsonObject, text: string | undefined): void {
  if (text !== undefined) node['description'] = text;
}

export const kindExtension = 'x-kubernetes-group-version-kind';

/** Keywords whose value holds no schema. */
const plainKeywords = [
  'type',
  'format',
  'description',
  'title',
  'default',
  'nullable',
  'enum',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minLength',
  'maxLength',
  'pattern',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
  'required',
  'x-kubernetes-int-or-string',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-embedded-resource',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
  'x-kubernetes-patch-strategy',
  'x-kubernetes-patch-merge-key',
  'x-kubernetes-validations',
] as const satisfies readonly (keyof Schema)[];
