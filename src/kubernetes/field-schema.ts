/** Structural schemas of the built-in kinds, made from the facts table. Nodes are shared and may be cyclic. */
import type { GroupVersionKind } from '../apimachinery/group-version.ts';
import type { Schema } from '../apimachinery/schema/structural.ts';
import { type Field, hasMessage, type Message, messageOf } from './field-table.ts';

/** Writable while a node is being filled; cyclic messages meet their own unfinished node. */
type Draft = { -readonly [K in keyof Schema]: Schema[K] };

/** The schema of a kind, apiVersion and kind included; throws for a kind that the table does not know. */
export function schemaOf(gvk: GroupVersionKind): Schema {
  const name = messageNameOf(gvk);
  if (name === undefined) throw new Error(`no built-in kind ${gvk.group}/${gvk.version} ${gvk.kind}`);
  return schemaOfMessage(name);
}

/** Full message name of a kind (`apps.v1.Deployment`), or undefined when it is not built in. */
export function messageNameOf(gvk: Readonly<GroupVersionKind>): string | undefined {
  if (!messageNames.has(gvk)) messageNames.set(gvk, findMessageName(gvk));
  return messageNames.get(gvk);
}

/** Types of kinds live as long as the kind, and are asked for with every write. */
const messageNames = new WeakMap<Readonly<GroupVersionKind>, string | undefined>();

function findMessageName(gvk: Readonly<GroupVersionKind>): string | undefined {
  const label = gvk.group === '' ? 'core' : (gvk.group.split('.')[0] ?? '');
  const name = `${label}.${gvk.version}.${gvk.kind}`;
  if (hasMessage(name)) return name;
  // Options travel under `v1`, `meta.k8s.io/v1` or the version of the group they are used with.
  const meta = `meta.v1.${gvk.kind}`;
  return isOptions(meta) && hasMessage(meta) ? meta : undefined;
}

/** The schema of any message of the table by its full name (`core.v1.PodSpec`). */
export function schemaOfMessage(name: string): Schema {
  const known = schemas.get(name);
  if (known !== undefined) return known;
  const special = specialSchemas[name];
  if (special !== undefined) {
    const schema = { definition: definitionName(name), ...special };
    schemas.set(name, schema);
    return schema;
  }
  const schema: Draft = { definition: definitionName(name), type: 'object' };
  schemas.set(name, schema);
  fill(schema, messageOf(name));
  return schema;
}

/** The name under which OpenAPI documents publish a message. */
export function definitionName(name: string): string {
  const dot = name.lastIndexOf('.');
  const packageName = name.slice(0, dot);
  return `${packagePrefixes[packageName] ?? `io.k8s.api.${packageName}`}.${name.slice(dot + 1)}`;
}

/** Whether a message carries apiVersion and kind in JSON (the table leaves them out). */
export function isTopLevel(message: Message): boolean {
  if (embeddedOnly.has(message.name)) return false;
  if (isOptions(message.name) || otherTopLevel.has(message.name)) return true;
  return message.fields.some(
    (field) => field.json === 'metadata' && (field.type === 'meta.v1.ObjectMeta' || field.type === 'meta.v1.ListMeta'),
  );
}

const schemas = new Map<string, Schema>();

const packagePrefixes: { readonly [name: string]: string } = {
  'meta.v1': 'io.k8s.apimachinery.pkg.apis.meta.v1',
  runtime: 'io.k8s.apimachinery.pkg.runtime',
  'api.resource': 'io.k8s.apimachinery.pkg.api.resource',
  'util.intstr': 'io.k8s.apimachinery.pkg.util.intstr',
  'apiextensions.v1': 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1',
  'apiregistration.v1': 'io.k8s.kube-aggregator.pkg.apis.apiregistration.v1',
  'metrics.v1beta1': 'io.k8s.metrics.pkg.apis.metrics.v1beta1',
};

/** Messages with ObjectMeta that are never objects of their own. */
const embeddedOnly: ReadonlySet<string> = new Set([
  'core.v1.PodTemplateSpec',
  'core.v1.PersistentVolumeClaimTemplate',
  'batch.v1.JobTemplateSpec',
  'resource.v1.ResourceClaimTemplateSpec',
]);

const otherTopLevel: ReadonlySet<string> = new Set([
  'admission.v1.AdmissionReview',
  'apiextensions.v1.ConversionReview',
  'core.v1.SerializedReference',
  'core.v1.RangeAllocation',
  'meta.v1.APIGroup',
  'meta.v1.APIGroupList',
  'meta.v1.APIResourceList',
  'meta.v1.APIVersions',
]);

function isOptions(name: string): boolean {
  return /^(meta|core)\.v1\.[A-Za-z]+Options$/.test(name);
}

const anyJson: Schema = { 'x-kubernetes-preserve-unknown-fields': true, nullable: true };
const anyObject: Schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

/** Messages whose JSON form is not an object of their fields. */
const specialSchemas: { readonly [name: string]: Schema } = {
  'meta.v1.Time': { type: 'string', format: 'date-time', nullable: true },
  'meta.v1.MicroTime': { type: 'string', format: 'date-time', nullable: true },
  'meta.v1.Duration': { type: 'string' },
  'meta.v1.FieldsV1': anyObject,
  'meta.v1.Verbs': { type: 'array', items: { type: 'string' } },
  'api.resource.Quantity': { oneOf: [{ type: 'string' }, { type: 'number' }] },
  'util.intstr.IntOrString': {
    format: 'int-or-string',
    oneOf: [{ type: 'integer' }, { type: 'string' }],
    'x-kubernetes-int-or-string': true,
  },
  'runtime.RawExtension': anyObject,
  'apiextensions.v1.JSON': anyJson,
  'apiextensions.v1.JSONSchemaPropsOrArray': anyJson,
  'apiextensions.v1.JSONSchemaPropsOrBool': anyJson,
  'apiextensions.v1.JSONSchemaPropsOrStringArray': anyJson,
  'authentication.v1.ExtraValue': { type: 'array', items: { type: 'string' } },
  'authorization.v1.ExtraValue': { type: 'array', items: { type: 'string' } },
  'certificates.v1.ExtraValue': { type: 'array', items: { type: 'string' } },
};

const scalarSchemas: { readonly [scalar: string]: Schema } = {
  string: { type: 'string' },
  bool: { type: 'boolean' },
  int32: { type: 'integer', format: 'int32' },
  int64: { type: 'integer', format: 'int64' },
  double: { type: 'number', format: 'double' },
  bytes: { type: 'string', format: 'byte' },
};

function fill(schema: Draft, message: Message): void {
  const properties: Record<string, Schema> = {};
  const required: string[] = [];
  const alwaysPresent = new Set<string>();
  if (isTopLevel(message)) {
    properties['apiVersion'] = scalarSchemas['string']!;
    properties['kind'] = scalarSchemas['string']!;
  }
  addFields(message, properties, required, alwaysPresent);
  schema.properties = properties;
  if (required.length > 0) schema.required = required;
  if (alwaysPresent.size > 0) schema.alwaysPresent = alwaysPresent;
  if (message.atomic) schema['x-kubernetes-map-type'] = 'atomic';
}

function addFields(
  message: Message,
  properties: Record<string, Schema>,
  required: string[],
  alwaysPresent: Set<string>,
): void {
  for (const field of message.fields) {
    if (field.inline) {
      addFields(messageOf(field.type), properties, required, alwaysPresent);
      continue;
    }
    properties[field.json] = withListKeyDefault(message, field, schemaOfField(field));
    if (isAlwaysPresent(field)) alwaysPresent.add(field.json);
    if (field.required) required.push(field.json);
  }
}

/** Go structs that are no pointers, and lists without omitempty. */
function isAlwaysPresent(field: Field): boolean {
  if (field.shape === 'list') return field.required;
  return field.shape === 'single' && !field.scalar && !field.pointer && specialSchemas[field.type] === undefined;
}

/** Ports are told apart by their protocol, too, which may be left out. */
const portMessages: ReadonlySet<string> = new Set(['core.v1.ContainerPort', 'core.v1.ServicePort']);

function withListKeyDefault(message: Message, field: Field, schema: Schema): Schema {
  return field.json === 'protocol' && portMessages.has(message.name) ? { ...schema, default: 'TCP' } : schema;
}

function schemaOfField(field: Field): Schema {
  const value = field.scalar ? scalarSchemas[field.type]! : schemaOfMessage(field.type);
  const schema: Draft = {};
  if (field.shape === 'list') {
    schema.type = 'array';
    schema.items = value;
  } else if (field.shape === 'map') {
    schema.type = 'object';
    schema.additionalProperties = value;
  } else if (field.patchStrategy === undefined && field.structType === undefined) {
    return value;
  } else {
    // Merge metadata belongs to this place, not to the shared message: a copy carries it, and no longer its name.
    Object.assign(schema, value);
    delete schema.definition;
  }
  if (field.patchStrategy !== undefined) schema['x-kubernetes-patch-strategy'] = field.patchStrategy;
  if (field.patchMergeKey !== undefined) schema['x-kubernetes-patch-merge-key'] = field.patchMergeKey;
  if (field.listType !== undefined) schema['x-kubernetes-list-type'] = field.listType;
  if (field.listMapKeys !== undefined) schema['x-kubernetes-list-map-keys'] = field.listMapKeys;
  const mapType = field.mapType ?? field.structType;
  if (mapType !== undefined) schema['x-kubernetes-map-type'] = mapType;
  return schema;
}
