/** The OpenAPI 3 document of one group version. */
import type { Schema } from '../../apimachinery/schema/structural.ts';
import { schemaOfMessage } from '../../kubernetes/field-schema.ts';
import type { ServedResource, ServedVersion } from '../discovery/served-groups.ts';
import { type Operation, operationsOf } from './operations.ts';
import { type Components, createComponents, type JsonObject, kindExtension } from './schema-components.ts';

/** Cost: every schema that the group version refers to. */
export function openApiV3(served: ServedVersion, serverVersion: string): JsonObject {
  const components = createComponents('#/components/schemas/');
  const paths: Record<string, JsonObject> = {};
  for (const resource of served.resources) {
    const schema = schemaOf(resource);
    if (schema === undefined) continue;
    const object = components.publishKind(schema, { ...served, kind: resource.kind });
    const list = resource.definition === undefined ? object : publishList(components, served, resource, schema);
    for (const operation of operationsOf(served, resource)) {
      const body = operation.kind.kind === resource.kind ? object : subresourceSchema(components, operation);
      const path = paths[operation.path] ?? {};
      paths[operation.path] = path;
      path[operation.method] = describe(operation, body, list, components, patchTypesOf(resource));
    }
  }
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: serverVersion },
    paths,
    components: {
      schemas: Object.fromEntries([...components.schemas].sort(([a], [b]) => (a < b ? -1 : 1))),
      securitySchemes: {
        BearerToken: {
          type: 'apiKey',
          description: 'Bearer Token authentication',
          in: 'header',
          name: 'authorization',
        },
      },
    },
  };
}

export function schemaOf(resource: ServedResource): Schema | undefined {
  return resource.definition?.schema ?? resource.virtual?.schema;
}

export function publishList(
  components: Components,
  served: ServedVersion,
  resource: ServedResource,
  schema: Schema,
): JsonObject {
  const listKind = resource.definition?.listKind ?? `${resource.kind}List`;
  const name = `${(schema.definition ?? resource.kind).replace(/[^.]*$/, '')}${listKind}`;
  const { group, version } = served;
  return components.publish(name, {
    type: 'object',
    description: `${listKind} is a list of ${resource.kind}`,
    required: ['items'],
    properties: {
      apiVersion: { type: 'string' },
      items: { type: 'array', items: { allOf: [components.reference(schema)] } },
      kind: { type: 'string' },
      metadata: { allOf: [components.reference(schemaOfMessage('meta.v1.ListMeta'))] },
    },
    [kindExtension]: [{ group, version, kind: listKind }],
  });
}

/** Kinds of subresources that live elsewhere: Scale has a schema, connect options (PodExecOptions) need none. */
export function subresourceSchema(components: Components, { kind }: Operation): JsonObject {
  if (kind.kind === 'Scale') return components.publishKind(schemaOfMessage('autoscaling.v1.Scale'), kind);
  return { type: 'object' };
}

const patchTypes = ['application/json-patch+json', 'application/merge-patch+json'];

/** kubectl apply sends a strategic merge patch when it stands here, and a merge patch otherwise (custom resources). */
function patchTypesOf(resource: ServedResource): readonly string[] {
  return resource.definition?.strategicMerge ? [...patchTypes, 'application/strategic-merge-patch+json'] : patchTypes;
}

function describe(
  operation: Operation,
  object: JsonObject,
  list: JsonObject,
  components: Components,
  patches: readonly string[],
): JsonObject {
  const { kind } = operation;
  const reply: JsonObject =
    operation.reply === 'list'
      ? list
      : operation.reply === 'status'
        ? components.reference(schemaOfMessage('meta.v1.Status'))
        : operation.reply === 'string'
          ? { type: 'string' }
          : object;
  const result: JsonObject = {
    tags: [tagOf(kind.group, kind.version)],
    operationId: operation.operationId,
    parameters: [
      ...operation.query.map((name) => ({ name, in: 'query', schema: { type: queryType(name), uniqueItems: true } })),
      ...operation.pathParameters.map((name) => ({
        name,
        in: 'path',
        required: true,
        schema: { type: 'string', uniqueItems: true },
      })),
    ],
    responses: { '200': { description: 'OK', content: { 'application/json': { schema: reply } } } },
    'x-kubernetes-action': operation.action,
    [kindExtension]: { group: kind.group, version: kind.version, kind: kind.kind },
  };
  const body = bodyOf(operation, object, components, patches);
  if (body !== undefined) result['requestBody'] = body;
  return result;
}

function bodyOf(
  operation: Operation,
  object: JsonObject,
  components: Components,
  patches: readonly string[],
): JsonObject | undefined {
  if (operation.body === undefined) return undefined;
  if (operation.body === 'patch') {
    const schema = { type: 'object', description: 'A patch of the content type that is sent.' };
    return {
      content: Object.fromEntries(patches.map((type) => [type, { schema }])),
      required: true,
    };
  }
  const schema = operation.body === 'options' ? components.reference(schemaOfMessage('meta.v1.DeleteOptions')) : object;
  return { content: { '*/*': { schema } }, ...(operation.body === 'object' ? { required: true } : {}) };
}

const integerQueries = new Set(['limit', 'timeoutSeconds', 'gracePeriodSeconds']);
const booleanQueries = new Set([
  'allowWatchBookmarks',
  'sendInitialEvents',
  'watch',
  'force',
  'ignoreStoreReadErrorWithClusterBreakingPotential',
  'orphanDependents',
]);

export const queryType = (name: string): string =>
  integerQueries.has(name) ? 'integer' : booleanQueries.has(name) ? 'boolean' : 'string';

/** `apps_v1`, `core_v1`, `policyKarmadaIo_v1alpha1` */
const tagOf = (group: string, version: string): string => {
  const words = (group === '' ? 'core' : group.replace(/\.k8s\.io$/, '')).split('.');
  const name = words.map((word, index) => (index === 0 ? word : word.charAt(0).toUpperCase() + word.slice(1))).join('');
  return `${name}_${version}`;
};
