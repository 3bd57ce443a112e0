import { type ResourceType, resourcePath } from '../../apimachinery/group-version.ts';
import type { KubeObject, ObjectMeta, Unstructured } from '../../apimachinery/object.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import type { Client } from '../../client/client.ts';
import { type ApiResource, createDiscovery } from '../../client/discovery.ts';
import { flag } from '../../component/flags.ts';
import { controlPlaneClient } from '../clients.ts';
import { type CommandIo, defineCommand, karmadaFlags, namespaceFlag } from '../command.ts';
import { formatColumns } from '../printing/columns.ts';

export const getCommand = defineCommand({
  flags: {
    ...karmadaFlags,
    ...namespaceFlag,
    'all-namespaces': flag.bool(false, 'List the requested objects across all namespaces.', { shorthand: 'A' }),
    labels: flag.string('', 'Selector (label query) to filter on, e.g. -l key1=value1,key2!=value2.', {
      shorthand: 'l',
    }),
    output: flag.string('', 'Output format. One of: (json, yaml, name, wide).', { shorthand: 'o' }),
    'no-headers': flag.bool(false, "Don't print headers."),
    'show-labels': flag.bool(false, 'Show all labels as the last column.'),
    'ignore-not-found': flag.bool(false, 'If the requested object does not exist the command exits with 0.'),
    'show-managed-fields': flag.bool(false, 'Keep managedFields when printing objects in JSON or YAML format.'),
  },
  async run({ values, args, io, signal }) {
    const format = outputFormat(values.output);
    if (args[0] === undefined) {
      throw new Error('You must specify the type of resource to get. Use "karmadactl get --help" for examples');
    }
    const { client, namespace: contextNamespace } = controlPlaneClient(values);
    const namespace = values['all-namespaces'] ? '' : values.namespace || contextNamespace;
    const requests = await resolveRequests(client, args, signal);
    const query: Query = { ...values, namespace, labels: values.labels };
    let printed = false;
    for (const request of requests) {
      const found: boolean =
        format === 'table' || format === 'wide'
          ? await printTable(client, request, query, format === 'wide', printed, requests.length > 1, io, signal)
          : await printObjects(client, request, query, format, io, signal);
      printed ||= found;
    }
    if (!printed && !values['ignore-not-found'] && (format === 'table' || format === 'wide')) {
      io.stderr(
        namespace === '' || requests.every(({ type }) => !type.namespaced)
          ? 'No resources found\n'
          : `No resources found in ${namespace} namespace.\n`,
      );
    }
  },
});

type Format = 'table' | 'wide' | 'json' | 'yaml' | 'name';

interface Query {
  readonly namespace: string;
  readonly labels: string;
  readonly 'no-headers': boolean;
  readonly 'show-labels': boolean;
  readonly 'ignore-not-found': boolean;
  readonly 'show-managed-fields': boolean;
}

/** One type, and the names asked for; no names means all. */
interface Request {
  type: ResourceType;
  names: string[];
}

function outputFormat(text: string): Format {
  if (text === '') return 'table';
  if (text === 'wide' || text === 'json' || text === 'yaml' || text === 'name') return text;
  throw new Error(
    `unable to match a printer suitable for the output format "${text}", allowed formats are: json,name,wide,yaml`,
  );
}

/** `clusters`, `clusters m1 m2`, `cluster/m1 deploy/nginx`, `pp,cpp`. */
async function resolveRequests(client: Client, args: readonly string[], signal: AbortSignal): Promise<Request[]> {
  const discovery = createDiscovery(client);
  const { groupVersions } = await discovery.serverResources(signal);
  if (groupVersions.length === 0) throw new Error('the server serves no API');
  const find = async (word: string): Promise<ApiResource> => {
    const found = await discovery.find(word, signal);
    if (found === undefined) throw new Error(`cluster(Karmada): the server doesn't have a resource type "${word}"`);
    return found;
  };
  if (args.some((arg) => arg.includes('/'))) {
    const requests: Request[] = [];
    for (const arg of args) {
      const [word = '', name = '', ...more] = arg.split('/');
      if (more.length > 0 || word === '' || name === '') {
        throw new Error(
          'there is no need to specify a resource type as a separate argument when passing arguments in resource/name form',
        );
      }
      requests.push({ type: await find(word), names: [name] });
    }
    return requests;
  }
  const [words = '', ...names] = args;
  return Promise.all(words.split(',').map(async (word) => ({ type: await find(word), names })));
}

interface Table {
  kind?: string;
  columnDefinitions: { name: string; priority?: number }[];
  rows?: { cells: unknown[]; object?: { metadata?: ObjectMeta } }[];
}

const tableAccept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

/** Rows of the control plane stand under the cluster name `Karmada` and are nobody's adoption. */
async function printTable(
  client: Client,
  { type, names }: Request,
  query: Query,
  wide: boolean,
  notFirst: boolean,
  showKind: boolean,
  io: CommandIo,
  signal: AbortSignal,
): Promise<boolean> {
  const paths =
    names.length === 0
      ? [resourcePath(type, { namespace: query.namespace })]
      : names.map((name) => singlePath(type, query, name));
  const tables: Table[] = [];
  for (const path of paths) {
    const table = await orIgnored(
      query,
      client.request<Table>('GET', path, { headers: { accept: tableAccept }, query: selector(query, names), signal }),
    );
    if (table !== undefined) tables.push(table);
  }
  const rows = tables.flatMap((table) => table.rows ?? []);
  const columns = tables[0]?.columnDefinitions;
  if (columns === undefined || rows.length === 0) return false;
  const shown = columns
    .map((column, at) => ({ name: column.name, at, shown: wide || (column.priority ?? 0) === 0 }))
    .filter((c) => c.shown);
  const [first, ...rest] = shown;
  const withNamespace = query.namespace === '' && type.namespaced;
  const cell = (value: unknown): string =>
    (value === null || value === undefined ? '<none>' : String(value)).replaceAll('\n', '\\n');
  const table = {
    headers: [
      ...(withNamespace ? ['Namespace'] : []),
      first?.name ?? 'Name',
      'Cluster',
      ...rest.map(({ name }) => name),
      'Adoption',
      ...(query['show-labels'] ? ['Labels'] : []),
    ],
    rows: rows.map(({ cells, object }) => [
      ...(withNamespace ? [object?.metadata?.namespace ?? ''] : []),
      (showKind ? `${type.kind.toLowerCase()}${type.group === '' ? '' : `.${type.group}`}/` : '') +
        cell(cells[first?.at ?? 0]),
      'Karmada',
      ...rest.map(({ at }) => cell(cells[at])),
      '-',
      ...(query['show-labels'] ? [labelText(object?.metadata?.labels)] : []),
    ]),
  };
  io.stdout((notFirst ? '\n' : '') + formatColumns(table, !query['no-headers']));
  return true;
}

function labelText(labels: Readonly<Record<string, string>> = {}): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? '<none>' : pairs.sort().join(',');
}

async function printObjects(
  client: Client,
  { type, names }: Request,
  query: Query,
  format: 'json' | 'yaml' | 'name',
  io: CommandIo,
  signal: AbortSignal,
): Promise<boolean> {
  const resource = client.resource<Unstructured>(type);
  const items: Unstructured[] = [];
  if (names.length === 0)
    items.push(...(await resource.list({ namespace: query.namespace, labelSelector: query.labels, signal })).items);
  for (const name of names) {
    const ref = { namespace: type.namespaced ? query.namespace || 'default' : undefined, name };
    const object = await orIgnored(query, resource.get(ref, { signal }));
    if (object !== undefined) items.push(object);
  }
  if (!query['show-managed-fields']) for (const { metadata } of items) delete metadata.managedFields;
  if (format === 'name') {
    const kind = type.group === '' ? type.kind.toLowerCase() : `${type.kind.toLowerCase()}.${type.group}`;
    for (const { metadata } of items) io.stdout(`${kind}/${metadata.name}\n`);
    return items.length > 0;
  }
  const single = names.length === 1 ? items[0] : undefined;
  if (names.length === 1 && single === undefined) return false;
  const output: unknown = single ?? {
    apiVersion: 'v1',
    items: items satisfies KubeObject[],
    kind: 'List',
    metadata: { resourceVersion: '' },
  };
  io.stdout(await formatObject(output, format));
  return true;
}

async function formatObject(value: unknown, format: 'json' | 'yaml'): Promise<string> {
  if (format === 'json') return `${JSON.stringify(value, null, 4)}\n`;
  const { stringify } = await import('yaml');
  return stringify(value, { indentSeq: false, lineWidth: 0 });
}

function singlePath(type: ResourceType, query: Query, name: string): string {
  return resourcePath(type, { namespace: query.namespace || 'default', name });
}

function selector(query: Query, names: readonly string[]): Record<string, string> {
  return names.length === 0 && query.labels !== '' ? { labelSelector: query.labels } : {};
}

async function orIgnored<T>(query: Query, work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (query['ignore-not-found'] && isNotFound(error)) return undefined;
    throw error;
  }
}
