/** The OpenAPI 2 document of everything that is served: for clients that do not know version 3, and as kubectl's fallback. */
import type { ServedGroup, ServedResource, ServedVersion } from '../discovery/served-groups.ts';
import { type Operation, operationsOf } from './operations.ts';
import { type Components, createComponents, type JsonObject, kindExtension } from './schema-components.ts';
import { publishList, queryType, schemaOf, subresourceSchema } from './v3-document.ts';

/** Cost: every schema that is served. */
export function openApiV2(groups: readonly ServedGroup[], serverVersion: string): JsonObject {
  const components = createComponents('#/definitions/');
  const paths: Record<string, JsonObject> = {};
  for (const served of groups.flatMap((group) => group.versions))
    for (const resource of served.resources) addResource(components, paths, served, resource);
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version: serverVersion },
    paths,
    definitions: Object.fromEntries(
      [...components.schemas].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, node]) => [name, toVersion2(node)]),
    ),
  };
}

function addResource(
  components: Components,
  paths: Record<string, JsonObject>,
  served: ServedVersion,
  resource: ServedResource,
): void {
  const schema = schemaOf(resource);
  if (schema === undefined) return;
  const object = components.publishKind(schema, { ...served, kind: resource.kind });
  if (resource.definition !== undefined) publishList(components, served, resource, schema);
  for (const operation of operationsOf(served, resource)) {
    const body = operation.kind.kind === resource.kind ? object : subresourceSchema(components, operation);
    const path = paths[operation.path] ?? {};
    paths[operation.path] = path;
    path[operation.method] = describe(operation, body);
  }
}

function describe(operation: Operation, body: JsonObject): JsonObject {
  const { group, version, kind } = operation.kind;
  const parameters: JsonObject[] = [
    ...operation.query.map((name) => ({ name, in: 'query', type: queryType(name) })),
    ...operation.pathParameters.map((name) => ({ name, in: 'path', required: true, type: 'string' })),
  ];
  if (operation.body === 'object') parameters.unshift({ name: 'body', in: 'body', required: true, schema: body });
  else if (operation.body === 'patch')
    parameters.unshift({ name: 'body', in: 'body', required: true, schema: { type: 'object' } });
  return {
    operationId: operation.operationId,
    parameters,
    responses: { '200': { description: 'OK', ...(operation.reply === 'object' ? { schema: body } : {}) } },
    'x-kubernetes-action': operation.action,
    [kindExtension]: { group, version, kind },
  };
}

/** Keywords that version 2 does not have. */
const unknownKeywords = new Set(['nullable', 'oneOf', 'anyOf', 'not']);

/** Version 2 knows no alternatives: values of two types are texts, references stand alone. */
function toVersion2(node: JsonObject): JsonObject {
  if (Array.isArray(node['oneOf']) && node['type'] === undefined && node['properties'] === undefined)
    return { type: 'string', ...(node['format'] === undefined ? {} : { format: node['format'] }) };
  const result: JsonObject = {};
  for (const [key, value] of Object.entries(node)) {
    if (unknownKeywords.has(key)) continue;
    if (key === 'properties')
      result[key] = Object.fromEntries(
        Object.entries(value as Record<string, JsonObject>).map(([name, child]) => [name, toVersion2(child)]),
      );
    else if (key === 'items' || (key === 'additionalProperties' && typeof value === 'object'))
      result[key] = toVersion2(value as JsonObject);
    else if (key === 'allOf') {
      const only = (value as JsonObject[])[0];
      if (only !== undefined && typeof only['$ref'] === 'string') result['$ref'] = only['$ref'];
    } else result[key] = value;
  }
  return result;
}
