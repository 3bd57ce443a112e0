/** `top pod` and `top node`: what runs in the members uses, as their metrics.k8s.io tells. */
import { systemClock } from '../../apimachinery/clock.ts';
import type { ObjectMeta, Unstructured } from '../../apimachinery/object.ts';
import {
  addQuantities,
  milliValue,
  parseQuantity,
  type Quantity,
  wholeValue,
  zeroQuantity,
} from '../../apimachinery/quantity.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import { flag } from '../../component/flags.ts';
import { humanDuration } from '../../kubernetes/printing/human-duration.ts';
import { nodes, pods } from '../../kubernetes/resource-types.ts';
import type { Node, Pod } from '../../kubernetes/types.ts';
import { controlPlaneClient } from '../clients.ts';
import { type CommandIo, defineCommand, karmadaFlags, namespaceFlag } from '../command.ts';
import { controlPlaneName, openMember, selectMembers, type Target } from '../member-access.ts';
import { formatColumns } from '../printing/columns.ts';

const clustersUsage = 'Show only the named member clusters; all of them if not given.';
const sharedFlags = {
  ...karmadaFlags,
  selector: flag.string('', 'Selector (label query) to filter on.', { shorthand: 'l' }),
  'sort-by': flag.string('', "If non-empty, sort the list by that field. Either 'cpu' or 'memory'."),
  'no-headers': flag.bool(false, 'If present, print output without headers.'),
  'use-protocol-buffers': flag.bool(true, 'How metrics are read.', {
    deprecated: 'metrics are always read as JSON',
  }),
};

export const topPodCommand = defineCommand({
  flags: {
    ...sharedFlags,
    ...namespaceFlag,
    clusters: flag.list([], clustersUsage, { shorthand: 'C' }),
    'field-selector': flag.string('', 'Selector (field query) to filter on.'),
    containers: flag.bool(false, 'If present, print usage of containers within a pod.'),
    'all-namespaces': flag.bool(false, 'List the pods of all namespaces.', { shorthand: 'A' }),
    sum: flag.bool(false, 'Print the sum of the resource usage.'),
  },
  async run({ values, args, io, signal }) {
    const name = nameOf(args, values['sort-by']);
    if (name !== '' && (values.selector !== '' || values['field-selector'] !== ''))
      throw new Error('only one of NAME or selector can be provided');
    const controlPlane = { ...controlPlaneClient(values), name: controlPlaneName };
    const namespace = values['all-namespaces'] ? '' : values.namespace || controlPlane.namespace;
    const query = { labelSelector: values.selector, fieldSelector: values['field-selector'] };
    const path = namespace === '' ? '/pods' : `/namespaces/${namespace}/pods`;
    const { found, errors } = await askMembers(controlPlane, values.clusters, signal, async (target) => {
      const metrics = await readMetrics(target, path, name, query, signal);
      if (metrics.length === 0) await explainNothing(target, namespace, query, signal);
      return metrics;
    });
    const rows = found.flatMap(({ cluster, metrics }) => {
      const where = { namespace: metrics.metadata.namespace ?? '', pod: metrics.metadata.name ?? '', cluster };
      const containers = (metrics.containers ?? []).map((one) => ({ ...where, name: one.name, ...usageOf(one.usage) }));
      if (values.containers) return containers;
      const total = containers.reduce((sum, one) => addUsage(sum, one), noUsage);
      return [{ ...where, name: where.pod, ...total }];
    });
    const everywhere = values['all-namespaces'];
    rows.sort(order(values['sort-by'], (row) => [everywhere ? row.namespace : '', row.pod, row.name, row.cluster]));
    const before = (row: (typeof rows)[number]): string[] => [
      ...(everywhere ? [row.namespace] : []),
      ...(values.containers ? [row.pod] : []),
      row.name,
      row.cluster,
    ];
    if (rows.length > 0) {
      const headers = [...(everywhere ? ['namespace'] : []), ...(values.containers ? ['pod'] : []), 'name', 'cluster'];
      const blank = headers.map(() => '');
      const sum = usageTexts(rows.reduce((total, row) => addUsage(total, row), noUsage));
      const footer = values.sum
        ? [
            [...blank, '________', '________'],
            [...blank, ...sum],
          ]
        : [];
      const body = [...rows.map((row) => [...before(row), ...usageTexts(row)]), ...footer];
      print([...headers, 'cpu(cores)', 'memory(bytes)'], body, !values['no-headers'], io);
    } else if (errors.length === 0)
      io.stderr(namespace === '' ? 'No resources found\n' : `No resources found in ${namespace} namespace.\n`);
    if (errors.length > 0) throw errors.length === 1 ? errors[0] : new AggregateError(errors);
  },
});

export const topNodeCommand = defineCommand({
  flags: {
    ...sharedFlags,
    clusters: flag.list([], clustersUsage),
    'show-capacity': flag.bool(
      false,
      'Print node resources based on Capacity instead of Allocatable (default) of the nodes.',
    ),
  },
  async run({ values, args, io, signal }) {
    const name = nameOf(args, values['sort-by']);
    if (name !== '' && values.selector !== '') throw new Error('only one of NAME or --selector can be provided');
    const controlPlane = { ...controlPlaneClient(values), name: controlPlaneName };
    const query = { labelSelector: values.selector };
    const field = values['show-capacity'] ? 'capacity' : 'allocatable';
    const { found, errors } = await askMembers(controlPlane, values.clusters, signal, async (target) => {
      const metrics = await readMetrics(target, '/nodes', name, query, signal);
      if (metrics.length === 0) throw new Error('metrics not available yet');
      const resource = target.client.resource<Node>(nodes);
      const items =
        name === '' ? (await resource.list({ ...query, signal })).items : [await resource.get({ name }, { signal })];
      const used = new Map(metrics.map((one) => [one.metadata.name, one.usage]));
      return items.map(({ metadata, status }) => {
        const usage = used.get(metadata.name);
        return { name: metadata.name ?? '', has: usageOf(status?.[field]), ...(usage && { usage: usageOf(usage) }) };
      });
    });
    const rows = found.map(({ cluster, metrics }) => ({ cluster, ...metrics, ...(metrics.usage ?? noUsage) }));
    // Nodes without metrics stand last.
    const known = rows
      .filter(({ usage }) => usage !== undefined)
      .sort(order(values['sort-by'], (row) => [row.name, row.cluster]));
    const unknown = rows.filter(({ usage }) => usage === undefined);
    const texts = [...known, ...unknown].map(({ name: node, cluster, usage, has }) => {
      if (usage === undefined) return [node, cluster, ...new Array<string>(4).fill('<unknown>')];
      const [cpu = '', memory = ''] = usageTexts(usage);
      return [node, cluster, cpu, percent(usage.cpu, has.cpu), memory, percent(usage.memory, has.memory)];
    });
    if (texts.length > 0)
      print(['name', 'cluster', 'cpu(cores)', 'cpu%', 'memory(bytes)', 'memory%'], texts, !values['no-headers'], io);
    else if (errors.length === 0) io.stderr('No resources found\n');
    if (errors.length > 0) throw errors.length === 1 ? errors[0] : new AggregateError(errors);
  },
});

interface Usage {
  cpu: Quantity;
  memory: Quantity;
}

interface Metrics {
  metadata: ObjectMeta;
  /** Of a node. */
  usage?: Record<string, string>;
  containers?: { name: string; usage: Record<string, string> }[];
}

const noUsage: Usage = { cpu: zeroQuantity, memory: zeroQuantity };
const addUsage = (a: Usage, b: Usage): Usage => ({
  cpu: addQuantities(a.cpu, b.cpu),
  memory: addQuantities(a.memory, b.memory),
});
const usageOf = (usage: Readonly<Record<string, string>> = {}): Usage => ({
  cpu: parseQuantity(usage['cpu'] ?? '0'),
  memory: parseQuantity(usage['memory'] ?? '0'),
});
const usageTexts = ({ cpu, memory }: Usage): string[] => [
  `${milliValue(cpu)}m`,
  `${wholeValue(memory) / (1024n * 1024n)}Mi`,
];

function percent(part: Quantity, whole: Quantity): string {
  return whole.nano === 0n ? '<unknown>' : `${(part.nano * 100n) / whole.nano}%`;
}

function nameOf(args: readonly string[], sortBy: string): string {
  if (sortBy !== '' && sortBy !== 'cpu' && sortBy !== 'memory') throw new Error('--sort-by accepts only cpu or memory');
  if (args.length > 1) throw new Error(`unexpected arguments: [${args.slice(1).join(' ')}]`);
  return args[0] ?? '';
}

/** The highest first by usage; otherwise by name. */
function order<T extends Usage>(sortBy: string, names: (row: T) => string[]): (a: T, b: T) => number {
  const byName = (a: T, b: T): number => {
    const [x, y] = [names(a).join('\0'), names(b).join('\0')];
    return x < y ? -1 : x > y ? 1 : 0;
  };
  if (sortBy !== 'cpu' && sortBy !== 'memory') return byName;
  return (a, b) => (a[sortBy].nano > b[sortBy].nano ? -1 : a[sortBy].nano < b[sortBy].nano ? 1 : byName(a, b));
}

/** All members at a time; what one of them refuses does not keep the others from being shown. */
async function askMembers<T>(
  controlPlane: Target,
  named: readonly string[],
  signal: AbortSignal,
  ask: (target: Target) => Promise<T[]>,
): Promise<{ found: { cluster: string; metrics: T }[]; errors: unknown[] }> {
  const clusters = await selectMembers(controlPlane.client, named, signal);
  const errors: unknown[] = [];
  const found = await Promise.all(
    clusters.map(async (cluster) => {
      try {
        return (await ask(openMember(controlPlane, cluster))).map((metrics) => ({ cluster, metrics }));
      } catch (error) {
        signal.throwIfAborted();
        errors.push(new Error(`cluster(${cluster}): ${(error as Error).message}`, { cause: error }));
        return [];
      }
    }),
  );
  return { found: found.flat(), errors };
}

const metricsApi = '/apis/metrics.k8s.io/v1beta1';

async function readMetrics(
  { client }: Target,
  path: string,
  name: string,
  query: Record<string, string>,
  signal: AbortSignal,
): Promise<Metrics[]> {
  try {
    if (name !== '') return [await client.request<Metrics>('GET', `${metricsApi}${path}/${name}`, { signal })];
    return (await client.request<{ items?: Metrics[] }>('GET', metricsApi + path, { query, signal })).items ?? [];
  } catch (error) {
    if (!isNotFound(error)) throw error;
    await client.request('GET', metricsApi, { signal }).catch((cause: unknown) => {
      throw isNotFound(cause) ? new Error('metrics API not available', { cause }) : cause;
    });
    throw error;
  }
}

const freshMs = 2 * 60_000;

/** No metrics: either there is no pod, or they are too young to be measured. */
async function explainNothing(
  { client }: Target,
  namespace: string,
  query: { labelSelector: string; fieldSelector: string },
  signal: AbortSignal,
): Promise<void> {
  const { items } = await client.resource<Pod>(pods).list({ namespace, ...query, signal });
  if (items.length === 0) return;
  for (const { metadata } of items as Unstructured[]) {
    const age = systemClock.now() - Date.parse(metadata.creationTimestamp ?? '');
    if (age > freshMs)
      throw new Error(
        `Metrics not available for pod ${metadata.namespace}/${metadata.name}, age: ${humanDuration(age)}`,
      );
  }
  throw new Error('metrics not available yet');
}

/** As kubectl's top prints: the last column is padded, too. */
function print(headers: string[], rows: string[][], showHeaders: boolean, io: CommandIo): void {
  const padded = (cells: string[]): string[] => [...cells, ''];
  io.stdout(formatColumns({ headers: padded(headers), rows: rows.map(padded) }, showHeaders));
}
