import { apiVersionOf, groupVersionPath, parseApiVersion } from '../../apimachinery/group-version.ts';
import { createDiscovery } from '../../client/discovery.ts';
import { flag } from '../../component/flags.ts';
import { defineCommand, karmadaFlags } from '../command.ts';
import { singleScopeFlags, singleTarget } from '../member-access.ts';

interface Schema {
  $ref?: string;
  allOf?: Schema[];
  type?: string;
  format?: string;
  description?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: Schema | boolean;
  required?: string[];
  enum?: unknown[];
  oneOf?: Schema[];
  'x-kubernetes-int-or-string'?: boolean;
  'x-kubernetes-group-version-kind'?: { group: string; version: string; kind: string }[];
}

type Schemas = Readonly<Record<string, Schema>>;

export const explainCommand = defineCommand({
  flags: {
    ...karmadaFlags,
    ...singleScopeFlags,
    'api-version': flag.string('', 'Use given api-version (group/version) of the resource.'),
    recursive: flag.bool(
      false,
      'When true, print the name of all the fields recursively. Otherwise, print the available fields with their description.',
    ),
    output: flag.choice(
      ['plaintext', 'plaintext-openapiv2'],
      'plaintext',
      'Format in which to render the schema. Valid values are: (plaintext, plaintext-openapiv2).',
      { shorthand: 'o' },
    ),
  },
  async run({ values, args, io, signal, executable }) {
    const [word, ...more] = args;
    if (word === undefined)
      throw new Error(
        `You must specify the type of resource to explain. Use "${executable} api-resources" for a complete list of supported resources.`,
      );
    if (more.length > 0) throw new Error('We accept only this format: explain RESOURCE');
    const { client } = await singleTarget(values, signal);
    const discovery = createDiscovery(client);
    // `deployments.apps.spec`: the longest beginning that names a resource is the resource.
    const parts = word.split('.');
    let length = parts.length;
    let found = await discovery.find(word, signal);
    while (found === undefined && length > 1) found = await discovery.find(parts.slice(0, --length).join('.'), signal);
    if (found === undefined) throw new Error(`the server doesn't have a resource type "${parts[0]}"`);
    const { group, version } = values['api-version'] === '' ? found : parseApiVersion(values['api-version']);
    const path = `/openapi/v3${groupVersionPath({ group, version })}`;
    const document = await client.request<{ components?: { schemas?: Schemas } }>('GET', path, { signal });
    const schemas = document.components?.schemas ?? {};
    const kind = found.kind;
    const root = Object.values(schemas).find((schema) =>
      schema['x-kubernetes-group-version-kind']?.some(
        (gvk) => gvk.group === group && gvk.version === version && gvk.kind === kind,
      ),
    );
    if (root === undefined)
      throw new Error(`couldn't find resource for "${apiVersionOf({ group, version })}, Kind=${kind}"`);
    io.stdout(explainText({ group, version, kind }, root, parts.slice(length), schemas, values.recursive));
  },
});

export function explainText(
  { group, version, kind }: { group: string; version: string; kind: string },
  root: Schema,
  path: readonly string[],
  schemas: Schemas,
  recursive: boolean,
): string {
  const lines = [
    ...(group === '' ? [] : [`GROUP:      ${group}`]),
    `KIND:       ${kind}`,
    `VERSION:    ${version}`,
    '',
  ];
  let schema = root;
  let description = root.description ?? '';
  for (const [at, name] of path.entries()) {
    const next = structOf(schema, schemas).properties?.[name];
    if (next === undefined) throw new Error(`field ${JSON.stringify(path[at])} does not exist`);
    schema = next;
    description = next.description ?? '';
  }
  const struct = structOf(schema, schemas);
  if (path.length > 0) {
    lines.push(`FIELD: ${path.at(-1)} <${typeOf(schema, schemas)}>`, ...enumLines(schema, ''), '');
    if (struct !== schema && struct.description && struct.description !== description)
      description = [description, struct.description].filter((text) => text !== '').join('\n');
  }
  lines.push('', 'DESCRIPTION:', ...wrapped(description || '<empty>', 4), '    ');
  const properties = struct.properties ?? {};
  if (Object.keys(properties).length > 0) {
    lines.push('FIELDS:');
    lines.push(...(recursive ? fieldTree(struct, schemas, 2, []) : fieldList(struct, schemas)));
  }
  const text = lines.join('\n');
  return path.length === 0 ? `${text.replace('\n\n\nDESCRIPTION', '\n\nDESCRIPTION')}\n\n` : `${text}\n\n`;
}

/** Behind references, lists and maps: where the fields are. */
function structOf(schema: Schema, schemas: Schemas): Schema {
  const target = resolve(schema, schemas);
  if (target.items !== undefined) return structOf(target.items, schemas);
  if (typeof target.additionalProperties === 'object' && target.properties === undefined)
    return structOf(target.additionalProperties, schemas);
  return target;
}

const refOf = (schema: Schema): string | undefined =>
  schema.$ref ?? schema.allOf?.find(({ $ref }) => $ref !== undefined)?.$ref;

function resolve(schema: Schema, schemas: Schemas): Schema {
  const ref = refOf(schema);
  return ref === undefined ? schema : (schemas[ref.split('/').at(-1) ?? ''] ?? schema);
}

/** `[]Container`, `map[string]string`, `ObjectMeta`, `integer`. */
function typeOf(schema: Schema, schemas: Schemas): string {
  const ref = refOf(schema);
  if (ref !== undefined) {
    const target = resolve(schema, schemas);
    // Times and the like are told by what they are; what may be of two types goes by its name.
    if (target.type !== undefined && target.type !== 'object') return target.type;
    return target === schema ? 'Object' : (ref.split('/').at(-1)?.split('.').at(-1) ?? 'Object');
  }
  if (schema.items !== undefined) return `[]${typeOf(schema.items, schemas)}`;
  if (typeof schema.additionalProperties === 'object')
    return `map[string]${typeOf(schema.additionalProperties, schemas)}`;
  if (schema['x-kubernetes-int-or-string'] === true) return 'IntOrString';
  return schema.type === 'object' || schema.type === undefined ? 'Object' : schema.type;
}

const required = (struct: Schema, name: string): string =>
  struct.required?.includes(name) === true ? ' -required-' : '';

function enumLines(schema: Schema, indent: string): string[] {
  return schema.enum === undefined
    ? []
    : [`${indent}ENUM:`, ...schema.enum.map((value) => `${indent}    ${String(value)}`)];
}

const sorted = (properties: Record<string, Schema>): [string, Schema][] =>
  Object.entries(properties).sort(([a], [b]) => (a < b ? -1 : 1));

function fieldList(struct: Schema, schemas: Schemas): string[] {
  return sorted(struct.properties ?? {}).flatMap(([name, schema]) => [
    `  ${name}\t<${typeOf(schema, schemas)}>${required(struct, name)}`,
    ...enumLines(schema, '  '),
    ...wrapped(schema.description || '<no description>', 4),
    '',
  ]);
}

function fieldTree(struct: Schema, schemas: Schemas, indent: number, above: readonly Schema[]): string[] {
  return sorted(struct.properties ?? {}).flatMap(([name, schema]) => {
    const inner = structOf(schema, schemas);
    const line = `${' '.repeat(indent)}${name}\t<${typeOf(schema, schemas)}>${required(struct, name)}`;
    // Schemas of schemas have no end.
    return above.includes(inner)
      ? [line]
      : [line, ...enumLines(schema, ' '.repeat(indent)), ...fieldTree(inner, schemas, indent + 2, [...above, inner])];
  });
}

const lineWidth = 80;

/** Paragraphs as they are, lines at most 80 characters wide with their indent. */
function wrapped(text: string, indent: number): string[] {
  const space = ' '.repeat(indent);
  return text.split('\n').flatMap((paragraph) => {
    const lines: string[] = [];
    let line = '';
    for (const word of paragraph.split(' ')) {
      if (line !== '' && line.length + 1 + word.length > lineWidth - indent) {
        lines.push(line);
        line = word;
      } else line = line === '' ? word : `${line} ${word}`;
    }
    return [...lines, line].map((one) => `${space}${one}`);
  });
}
