/** The REST operations of one served resource, apart from how a version of OpenAPI writes them down. */
import { type GroupVersionKind, groupVersionPath } from '../../apimachinery/group-version.ts';
import type { ServedResource, ServedVersion } from '../discovery/served-groups.ts';

export interface Operation {
  /** `/apis/apps/v1/namespaces/{namespace}/deployments/{name}` */
  path: string;
  method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** x-kubernetes-action */
  action: string;
  operationId: string;
  kind: GroupVersionKind;
  body: 'object' | 'patch' | 'options' | undefined;
  reply: 'object' | 'list' | 'status' | 'string';
  /** Names of query parameters. */
  query: readonly string[];
  pathParameters: readonly string[];
}

export function operationsOf(served: ServedVersion, resource: ServedResource): Operation[] {
  const root = groupVersionPath(served);
  const scope = resource.namespaced ? '/namespaces/{namespace}' : '';
  const collection = `${root}${scope}/${resource.resource}`;
  const item = `${collection}/{name}`;
  const kind: GroupVersionKind = { group: served.group, version: served.version, kind: resource.kind };
  const suffix = `${idPart(served)}${resource.namespaced ? 'Namespaced' : ''}${resource.kind}`;
  const inNamespace = resource.namespaced ? ['namespace'] : [];
  const at = { kind, pathParameters: inNamespace };
  const ofItem = { kind, pathParameters: ['name', ...inNamespace] };
  const operations: Operation[] = [];
  const has = (verb: string) => resource.verbs.includes(verb);
  if (has('list'))
    operations.push({
      ...at,
      path: collection,
      method: 'get',
      action: 'list',
      operationId: `list${suffix}`,
      body: undefined,
      reply: 'list',
      query: listQuery,
    });
  if (has('create'))
    operations.push({
      ...at,
      path: collection,
      method: 'post',
      action: 'post',
      operationId: `create${suffix}`,
      body: 'object',
      reply: 'object',
      query: writeQuery,
    });
  if (has('deletecollection'))
    operations.push({
      ...at,
      path: collection,
      method: 'delete',
      action: 'deletecollection',
      operationId: `delete${idPart(served)}Collection${resource.namespaced ? 'Namespaced' : ''}${resource.kind}`,
      body: 'options',
      reply: 'status',
      query: [...listQuery, ...deleteQuery],
    });
  operations.push(...objectOperations(item, suffix, resource.verbs, ofItem));
  if (has('delete'))
    operations.push({
      ...ofItem,
      path: item,
      method: 'delete',
      action: 'delete',
      operationId: `delete${suffix}`,
      body: 'options',
      reply: 'status',
      query: deleteQuery,
    });
  if (resource.namespaced && has('list'))
    operations.push({
      kind,
      pathParameters: [],
      path: `${root}/${resource.resource}`,
      method: 'get',
      action: 'list',
      operationId: `list${idPart(served)}${resource.kind}ForAllNamespaces`,
      body: undefined,
      reply: 'list',
      query: listQuery,
    });
  for (const sub of resource.subresources) {
    const name = `${suffix}${upperFirst(sub.name)}`;
    const stored = storedViews.has(sub.name) || resource.definition?.views?.[sub.name] !== undefined;
    const target = { ...ofItem, kind: sub.kind };
    if (stored) operations.push(...objectOperations(`${item}/${sub.name}`, name, sub.verbs, target));
    else operations.push(...connectOperations(`${item}/${sub.name}`, name, sub.verbs, target));
  }
  return operations;
}

const storedViews: ReadonlySet<string> = new Set(['status', 'scale', 'finalize']);

const listQuery = [
  'allowWatchBookmarks',
  'continue',
  'fieldSelector',
  'labelSelector',
  'limit',
  'resourceVersion',
  'resourceVersionMatch',
  'sendInitialEvents',
  'timeoutSeconds',
  'watch',
];
const writeQuery = ['dryRun', 'fieldManager', 'fieldValidation'];
const deleteQuery = [
  'dryRun',
  'gracePeriodSeconds',
  'ignoreStoreReadErrorWithClusterBreakingPotential',
  'orphanDependents',
  'propagationPolicy',
];

type Target = Pick<Operation, 'kind' | 'pathParameters'>;

/** GET, PUT and PATCH of an object or of a view of it. */
function objectOperations(path: string, suffix: string, verbs: readonly string[], target: Target): Operation[] {
  const operations: Operation[] = [];
  const base = { ...target, path, reply: 'object' as const };
  if (verbs.includes('get'))
    operations.push({
      ...base,
      method: 'get',
      action: 'get',
      operationId: `read${suffix}`,
      body: undefined,
      query: [],
    });
  if (verbs.includes('update'))
    operations.push({
      ...base,
      method: 'put',
      action: 'put',
      operationId: `replace${suffix}`,
      body: 'object',
      query: writeQuery,
    });
  if (verbs.includes('patch'))
    operations.push({
      ...base,
      method: 'patch',
      action: 'patch',
      operationId: `patch${suffix}`,
      body: 'patch',
      query: [...writeQuery, 'force'],
    });
  return operations;
}

const connectMethods: readonly [string, Operation['method']][] = [
  ['get', 'get'],
  ['create', 'post'],
  ['update', 'put'],
  ['delete', 'delete'],
];

function connectOperations(path: string, suffix: string, verbs: readonly string[], target: Target): Operation[] {
  return connectMethods
    .filter(([verb]) => verbs.includes(verb))
    .map(([, method]) => ({
      ...target,
      path,
      method,
      action: method === 'get' ? 'connect' : method,
      operationId: `connect${upperFirst(method)}${suffix}`,
      body: undefined,
      reply: 'string' as const,
      query: [],
    }));
}

/** `AppsV1`, `CoreV1`, `PolicyKarmadaIoV1alpha1` */
const idPart = ({ group, version }: ServedVersion): string =>
  `${(group === '' ? 'core' : group.replace(/\.k8s\.io$/, '')).split(/[.-]/).map(upperFirst).join('')}${upperFirst(version)}`;

const upperFirst = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
