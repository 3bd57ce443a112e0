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
import { type ObjectPrinter, objectPrinter, type PrintValues, printFlags } from '../printing/objects.ts';
import { createResourceTable, type ServerTable, type TableStyle, tableAccept } from '../printing/resource-table.ts';
import { sortByPath } from '../printing/sort.ts';
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
    ...printFlags,
    output: {
      ...printFlags.output,
      usage:
        'Output format. One of: (json, yaml, kyaml, name, go-template, go-template-file, template, templatefile, jsonpath, jsonpath-as-json, jsonpath-file, custom-columns, custom-columns-file, wide).',
    },
    'sort-by': flag.string(
      '',
      "If non-empty, sort list types using this field specification, a JSONPath expression (e.g. '{.metadata.name}').",
    ),
    'output-watch-events': flag.bool(
      false,
      'Output watch event objects when --watch or --watch-only is used. Existing objects are output as initial ADDED events.',
    ),
    watch: flag.bool(false, 'After listing/getting the requested objects, watch for changes.', { shorthand: 'w' }),
    'watch-only': flag.bool(false, 'Watch for changes to the requested objects, without listing/getting first.'),
    'no-headers': flag.bool(false, "Don't print headers."),
    'show-labels': flag.bool(false, 'Show all labels as the last column.'),
    'show-kind': flag.bool(false, 'List the resource type of the requested objects.'),
    'label-columns': flag.list([], 'Labels that are presented as columns; may be repeated.', { shorthand: 'L' }),
    'ignore-not-found': flag.bool(false, 'If the requested object does not exist the command exits with 0.'),
  },
  async run({ values, args, io, signal, executable }) {
    const format = await outputFormat(values);
    const watching = values.watch || values['watch-only'];
    if (values['output-watch-events'] && !watching)
      throw new Error('--output-watch-events option can only be used with --watch or --watch-only');
    if (args[0] === undefined) {
      throw new Error(`You must specify the type of resource to get. Use "${executable} get --help" for examples`);
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
    if (watching) {
      // Upstream's words, whatever the reason; the reason is worth more.
      if (errors.length > 0) throw errors[0];
      if (asked.length === 0) throw new Error('not to find obj that is watched');
      return watch(asked, query, format, io, signal);
    }
    const printed =
      typeof format === 'string'
        ? printTables(asked, query, format === 'wide', io)
        : await printAll(asked, query, format.print, io);
    if (errors.length > 0) throw errors.length === 1 ? errors[0] : new AggregateError(errors);
    if (!printed && !values['ignore-not-found'] && typeof format === 'string') {
      const everywhere = query.namespace === '' || asked.every(({ type }) => !type.namespaced);
      io.stderr(everywhere ? 'No resources found\n' : `No resources found in ${query.namespace} namespace.\n`);
    }
  },
});

type Format = 'table' | 'wide' | { print: ObjectPrinter };

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
  readonly 'output-watch-events': boolean;
  readonly 'sort-by': string;
  readonly output: string;
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

async function outputFormat(values: PrintValues & { readonly 'show-labels': boolean }): Promise<Format> {
  const { output } = values;
  if (values['show-labels'] && output !== '' && output !== 'wide')
    throw new Error(`--show-labels option cannot be used with ${output} printer`);
  if (output === 'wide') return 'wide';
  const print = await objectPrinter(values, ['wide', 'custom-columns']);
  return print === undefined ? 'table' : { print };
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
  const asTable = typeof format === 'string';
  const paths = names.length === 0 ? [pathOf(type, query)] : names.map((name) => pathOf(type, query, name));
  for (const path of paths) {
    try {
      const found = await read(target.client, path, asTable, names.length === 0 ? query.labels : '', query, signal);
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

function read(
  client: Client,
  path: string,
  asTable: boolean,
  labelSelector: string,
  query: Query,
  signal: AbortSignal,
) {
  return client.request<ServerTable | Listed>('GET', path, {
    headers: asTable ? { accept: tableAccept } : {},
    // Rows come with their metadata only, unless there is more to sort by.
    query: { labelSelector, ...(asTable && query['sort-by'] !== '' ? { includeObject: 'Object' } : {}) },
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
    const tables = group.flatMap(({ target, tables: own }) => own.map((one) => ({ cluster: target.name, table: one })));
    const text = table.format(query['sort-by'] === '' ? tables : sortRows(tables, query['sort-by']));
    if (text === '') continue;
    io.stdout((printed ? '\n' : '') + text);
    printed = true;
  }
  return printed;
}

/** One table a row: rows of all clusters in one order. */
function sortRows(tables: readonly { cluster: string; table: ServerTable }[], path: string) {
  const rows = tables.flatMap(({ cluster, table }) =>
    (table.rows ?? []).map((row) => ({ cluster, table: { ...table, rows: [row] } })),
  );
  return sortByPath(rows, ({ table }) => table.rows[0]?.object, path);
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
async function printAll(
  answers: readonly Answer[],
  query: Query,
  print: ObjectPrinter,
  io: CommandIo,
): Promise<boolean> {
  let printed = false;
  const separated = query.output === 'yaml';
  for (const target of new Set(answers.map((answer) => answer.target))) {
    const own = answers.filter((answer) => answer.target === target);
    const found = own.flatMap(({ type, objects }) => objects.map((object) => ({ type, object })));
    const items = query['sort-by'] === '' ? found : sortByPath(found, ({ object }) => object, query['sort-by']);
    const named = own.reduce((sum, { names }) => sum + names.length, 0);
    if (items.length === 0 && (named > 0 || own.length < answers.length)) continue;
    const text = await print(items, named === 1);
    io.stdout(printed && separated ? `---\n${text}` : text);
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
  const withEvents = query['output-watch-events'];
  const print: PrintFound = async ({ target }, found, event) => {
    if (typeof format === 'string') {
      const tables = found.map((one) => ({ cluster: target.name, table: one as ServerTable }));
      io.stdout(table.format(tables, withEvents ? event : undefined));
      return;
    }
    for (const object of found as Unstructured[]) {
      const shown = withEvents ? ({ type: event, object } as unknown as Unstructured) : object;
      io.stdout(await format.print([{ type, object: shown }], true));
    }
  };
  if (!query['watch-only'])
    for (const answer of answers)
      await print(answer, typeof format === 'string' ? answer.tables : answer.objects, 'ADDED');
  await Promise.all(answers.map((answer) => follow(answer, query, format, print, signal)));
}

type PrintFound = (answer: Answer, found: readonly (ServerTable | Unstructured)[], event: string) => Promise<void>;

async function follow(
  answer: Answer,
  query: Query,
  format: Format,
  print: PrintFound,
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
  const asTable = typeof format === 'string';
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
      await print(answer, [shownObject(event, query)], event.type);
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
