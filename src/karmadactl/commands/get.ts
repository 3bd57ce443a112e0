import { type ResourceType, resourcePath } from '../../apimachinery/group-version.ts';
import type { Unstructured } from '../../apimachinery/object.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import type { Client, WatchEvent } from '../../client/client.ts';
import { ConnectionError } from '../../client/connection-error.ts';
import { readJson } from '../../client/response.ts';
import { watchEvents } from '../../client/watch-stream.ts';
import { flag } from '../../component/flags.ts';
import { controlPlaneClient } from '../clients.ts';
import { type CommandIo, defineCommand, karmadaFlags, namespaceFlag } from '../command.ts';
import {
  controlPlaneName,
  type OperationScope,
  openMember,
  operationScopeFlag,
  selectMembers,
  type Target,
} from '../member-access.ts';
import { formatObjects, type ObjectFormat } from '../printing/objects.ts';
import { createResourceTable, type ServerTable, type TableStyle, tableAccept } from '../printing/resource-table.ts';
import { type ResourceArgument, resolveArguments } from '../resource-arguments.ts';

export const getCommand = defineCommand({
  flags: {
    ...karmadaFlags,
    ...namespaceFlag,
    'operation-scope': operationScopeFlag,
    clusters: flag.list(
      [],
      'Used to specify target member clusters and only takes effect with --operation-scope=members or all.',
      {
        shorthand: 'C',
      },
    ),
    'all-namespaces': flag.bool(false, 'List the requested objects across all namespaces.', { shorthand: 'A' }),
    labels: flag.string('', 'Selector (label query) to filter on, e.g. -l key1=value1,key2!=value2.', {
      shorthand: 'l',
    }),
    output: flag.string('', 'Output format. One of: (json, yaml, name, wide).', { shorthand: 'o' }),
    watch: flag.bool(false, 'After listing/getting the requested objects, watch for changes.', { shorthand: 'w' }),
    'watch-only': flag.bool(false, 'Watch for changes to the requested objects, without listing/getting first.'),
    'no-headers': flag.bool(false, "Don't print headers."),
    'show-labels': flag.bool(false, 'Show all labels as the last column.'),
    'show-kind': flag.bool(false, 'List the resource type of the requested objects.'),
    'label-columns': flag.list([], 'Labels that are presented as columns; may be repeated.', { shorthand: 'L' }),
    'ignore-not-found': flag.bool(false, 'If the requested object does not exist the command exits with 0.'),
    'show-managed-fields': flag.bool(false, 'Keep managedFields when printing objects in JSON or YAML format.'),
  },
  async run({ values, args, io, signal }) {
    const format = outputFormat(values.output);
    if (args[0] === undefined) {
      throw new Error('You must specify the type of resource to get. Use "karmadactl get --help" for examples');
    }
    const controlPlane = controlPlaneClient(values);
    const query: Query = {
      ...values,
      scope: values['operation-scope'],
      namespace: values['all-namespaces'] ? '' : values.namespace || controlPlane.namespace,
    };
    const targets = await selectTargets({ ...controlPlane, name: controlPlaneName }, query, signal);
    if (targets.length === 0) {
      io.stderr('No member Clusters found in Karmada control plane\n');
      return;
    }
    const errors: unknown[] = [];
    const asked = await askAll(targets, query, args, format, errors, signal);
    if (values.watch || values['watch-only']) {
      if (errors.length > 0) throw errors[0];
      return watch(asked, query, format, io, signal);
    }
    const printed =
      format === 'table' || format === 'wide'
        ? printTables(asked, query, format === 'wide', io)
        : await printAll(asked, format, io);
    if (errors.length > 0) throw errors.length === 1 ? errors[0] : new AggregateError(errors);
    if (!printed && !values['ignore-not-found'] && (format === 'table' || format === 'wide')) {
      const everywhere = query.namespace === '' || asked.every(({ type }) => !type.namespaced);
      io.stderr(everywhere ? 'No resources found\n' : `No resources found in ${query.namespace} namespace.\n`);
    }
  },
});

type Format = 'table' | 'wide' | ObjectFormat;

interface Query {
  readonly scope: OperationScope;
  readonly clusters: readonly string[];
  readonly namespace: string;
  readonly labels: string;
  readonly 'no-headers': boolean;
  readonly 'show-labels': boolean;
  readonly 'show-kind': boolean;
  readonly 'label-columns': readonly string[];
  readonly 'ignore-not-found': boolean;
  readonly 'show-managed-fields': boolean;
  readonly 'watch-only': boolean;
}

/** What one server answered for one type. */
interface Answer {
  target: Target;
  type: ResourceType;
  names: readonly string[];
  tables: ServerTable[];
  objects: Unstructured[];
  resourceVersion: string;
}

function outputFormat(text: string): Format {
  if (text === '') return 'table';
  if (text === 'wide' || text === 'json' || text === 'yaml' || text === 'name') return text;
  throw new Error(
    `unable to match a printer suitable for the output format "${text}", allowed formats are: json,name,wide,yaml`,
  );
}

/** The control plane first. */
async function selectTargets(controlPlane: Target, query: Query, signal: AbortSignal): Promise<Target[]> {
  if (query.scope === 'karmada') return [controlPlane];
  const names = await selectMembers(controlPlane.client, query.clusters, signal);
  const members = names.map((name) => openMember(controlPlane, name));
  return query.scope === 'all' ? [controlPlane, ...members] : members;
}

/** All servers at a time; what one of them refuses does not keep the others from being shown. */
async function askAll(
  targets: readonly Target[],
  query: Query,
  args: readonly string[],
  format: Format,
  errors: unknown[],
  signal: AbortSignal,
): Promise<Answer[]> {
  const perTarget = await Promise.all(
    targets.map(async (target): Promise<Answer[]> => {
      const prefix = `cluster(${target.name}): `;
      try {
        if (target.name !== controlPlaneName) await probe(target, signal);
        const requests = await resolveArguments(target.client, args, signal);
        const answers: Answer[] = [];
        for (const request of requests) answers.push(await ask(target, request, query, format, errors, signal));
        return answers;
      } catch (error) {
        signal.throwIfAborted();
        const own = query.scope === 'karmada' && error instanceof ConnectionError;
        errors.push(own || error instanceof ProbeError ? error : withPrefix(prefix, error));
        return [];
      }
    }),
  );
  return perTarget.flat();
}

class ProbeError extends Error {}

async function probe({ client, name }: Target, signal: AbortSignal): Promise<void> {
  try {
    await client.request('GET', '/api', { signal });
  } catch (error) {
    signal.throwIfAborted();
    const why = (error as Error).message;
    throw new ProbeError(
      `basic connection test to cluster(${name}) failed, please check authorization or network: ${why}`,
      { cause: error },
    );
  }
}

const withPrefix = (prefix: string, error: unknown): Error =>
  new Error(prefix + (error as Error).message, { cause: error });

async function ask(
  target: Target,
  { type, names }: ResourceArgument,
  query: Query,
  format: Format,
  errors: unknown[],
  signal: AbortSignal,
): Promise<Answer> {
  const answer: Answer = { target, type, names, tables: [], objects: [], resourceVersion: '' };
  if (query['watch-only'] && names.length === 0) return answer;
  const asTable = format === 'table' || format === 'wide';
  const paths = names.length === 0 ? [pathOf(type, query)] : names.map((name) => pathOf(type, query, name));
  for (const path of paths) {
    try {
      const found = await read(target.client, path, asTable, names.length === 0 ? query.labels : '', signal);
      answer.resourceVersion = (found as ServerTable).metadata?.resourceVersion ?? '';
      if (asTable) answer.tables.push(found as ServerTable);
      else answer.objects.push(...objectsOf(found as Listed, type, query));
    } catch (error) {
      signal.throwIfAborted();
      if (query['ignore-not-found'] && isNotFound(error)) continue;
      const own = target.name === controlPlaneName && query.scope === 'karmada';
      errors.push(own ? error : withPrefix(`cluster(${target.name}): `, error));
    }
  }
  return answer;
}

type Listed = Unstructured & { items?: Unstructured[] };

function read(client: Client, path: string, asTable: boolean, labelSelector: string, signal: AbortSignal) {
  return client.request<ServerTable | Listed>('GET', path, {
    headers: asTable ? { accept: tableAccept } : {},
    query: { labelSelector },
    signal,
  });
}

function objectsOf(found: Listed, type: ResourceType, query: Query): Unstructured[] {
  const items = found.kind === `${type.kind}List` ? (found.items ?? []) : [found];
  const apiVersion = type.group === '' ? type.version : `${type.group}/${type.version}`;
  for (const item of items) if (!query['show-managed-fields']) delete item.metadata.managedFields;
  return items.map((item) => ({ ...item, apiVersion: item.apiVersion ?? apiVersion, kind: item.kind ?? type.kind }));
}

function pathOf(type: ResourceType, query: Query, name?: string): string {
  return name === undefined
    ? resourcePath(type, { namespace: query.namespace })
    : resourcePath(type, { namespace: query.namespace || 'default', name });
}

const typeKey = ({ group, version, resource }: ResourceType): string => `${group}/${version}, Resource=${resource}`;

/** Grouped by type, in the order of their full names. */
function printTables(answers: readonly Answer[], query: Query, wide: boolean, io: CommandIo): boolean {
  const byType = new Map<string, Answer[]>();
  for (const answer of answers) byType.set(typeKey(answer.type), [...(byType.get(typeKey(answer.type)) ?? []), answer]);
  let adoption = true;
  let printed = false;
  for (const [, group] of [...byType].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const type = group[0]?.type as ResourceType;
    // As upstream: once pods were printed, the column stays away from what follows.
    if (type.group === '' && type.resource === 'pods') adoption = wide;
    const table = createResourceTable(type, styleOf(type, query, wide, byType.size > 1, adoption));
    const text = table.format(
      group.flatMap(({ target, tables }) => tables.map((one) => ({ cluster: target.name, table: one }))),
    );
    if (text === '') continue;
    io.stdout((printed ? '\n' : '') + text);
    printed = true;
  }
  return printed;
}

function styleOf(type: ResourceType, query: Query, wide: boolean, several: boolean, adoption: boolean): TableStyle {
  return {
    wide,
    adoption,
    withNamespace: query.namespace === '' && type.namespaced,
    showKind: several || query['show-kind'],
    showLabels: query['show-labels'],
    labelColumns: query['label-columns'],
    showHeaders: !query['no-headers'],
  };
}

/** Each cluster's objects on their own, the control plane's first. */
async function printAll(answers: readonly Answer[], format: ObjectFormat, io: CommandIo): Promise<boolean> {
  let printed = false;
  for (const target of new Set(answers.map((answer) => answer.target))) {
    const own = answers.filter((answer) => answer.target === target);
    const items = own.flatMap(({ type, objects }) => objects.map((object) => ({ type, object })));
    const named = own.reduce((sum, { names }) => sum + names.length, 0);
    if (named > 0 && items.length === 0) continue;
    const text = await formatObjects(items, format, named === 1);
    io.stdout(printed && format === 'yaml' ? `---\n${text}` : text);
    printed = true;
  }
  return printed;
}

/** Prints what is there, then every change, until the signal. */
async function watch(
  answers: readonly Answer[],
  query: Query,
  format: Format,
  io: CommandIo,
  signal: AbortSignal,
): Promise<void> {
  const types = new Set(answers.map(({ type }) => typeKey(type)));
  if (types.size > 1 || answers.some(({ names }) => names.length > 1))
    throw new Error(
      'watch is only supported on individual resources and resource collections - more than 1 resource was found',
    );
  const type = answers[0]?.type;
  if (type === undefined) return;
  const wide = format === 'wide';
  const adoption = wide || type.group !== '' || type.resource !== 'pods';
  const table = createResourceTable(type, styleOf(type, query, wide, false, adoption));
  const print = async (answer: Answer, found: readonly (ServerTable | Unstructured)[]): Promise<void> => {
    if (format === 'table' || wide) {
      const cluster = answer.target.name;
      io.stdout(table.format(found.map((one) => ({ cluster, table: one as ServerTable }))));
    } else
      for (const object of found)
        io.stdout(await formatObjects([{ type, object: object as Unstructured }], format, true));
  };
  if (!query['watch-only'])
    for (const answer of answers) await print(answer, format === 'table' || wide ? answer.tables : answer.objects);
  await Promise.all(answers.map((answer) => follow(answer, query, format, print, signal)));
}

async function follow(
  answer: Answer,
  query: Query,
  format: Format,
  print: (answer: Answer, found: readonly (ServerTable | Unstructured)[]) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const { target, type, names } = answer;
  const search = new URLSearchParams({ watch: 'true' });
  if (names.length > 0) search.set('fieldSelector', `metadata.name=${names[0]}`);
  else if (query.labels !== '') search.set('labelSelector', query.labels);
  let { resourceVersion } = answer;
  if (query['watch-only'] && resourceVersion === '') {
    const list = await target.client.request<ServerTable>('GET', pathOf(type, query), {
      query: { limit: '1' },
      signal,
    });
    resourceVersion = list.metadata?.resourceVersion ?? '';
  }
  search.set('resourceVersion', resourceVersion);
  const asTable = format === 'table' || format === 'wide';
  const namespaced = { namespace: names.length > 0 ? query.namespace || 'default' : query.namespace };
  const response = await target.client.transport.request({
    method: 'GET',
    path: `${resourcePath(type, namespaced)}?${search}`,
    headers: asTable ? { accept: tableAccept } : {},
    signal,
  });
  if (response.status !== 200) await readJson(response, 'GET');
  try {
    for await (const event of watchEvents<Unstructured>(response.body)) {
      if (event.type === 'BOOKMARK') continue;
      if (event.type === 'ERROR') throw new Error(event.object.message ?? 'the watch broke off');
      await print(answer, [shownObject(event, query)]);
    }
  } catch (error) {
    // Ctrl-C ends a watch as it should.
    if (!signal.aborted) throw error;
  }
}

function shownObject(
  event: Extract<WatchEvent<Unstructured>, { type: 'ADDED' | 'MODIFIED' | 'DELETED' }>,
  query: Query,
) {
  if (!query['show-managed-fields']) delete (event.object.metadata as { managedFields?: unknown })?.managedFields;
  return event.object;
}
