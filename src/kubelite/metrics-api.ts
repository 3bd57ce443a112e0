/** metrics.k8s.io/v1beta1, as metrics-server serves it: what pods and nodes use now. `kubectl top` and autoscalers read it. */
import { type Clock, formatTime } from '../apimachinery/clock.ts';
import type { DeepReadonly, Unstructured } from '../apimachinery/object.ts';
import { addQuantities, formatQuantity, parseQuantity, zeroQuantity } from '../apimachinery/quantity.ts';
import type { ResourceDefinition } from '../apimachinery/resource-definition.ts';
import type { Schema } from '../apimachinery/schema/structural.ts';
import type { ComputedResource } from '../apiserver/endpoints/computed.ts';
import type { Informer } from '../client/informer.ts';
import type { Node, Pod } from '../kubernetes/types.ts';
import { isPodFinished } from './controllers/pod-readiness.ts';
import { nodeIndex } from './controllers/pods-of-node.ts';
import type { PodRuntime, ReadablePod } from './kubelet/runtime.ts';
import { addUsage, createProcessMeter, type Usage, usageList } from './kubelet/usage.ts';

export interface MetricsSources {
  /** Must have the index of pods by node. */
  pods: Informer<Pod>;
  nodes: Informer<Node>;
  /** undefined: the node is not ours, or down. */
  runtimeOf(node: string): PodRuntime | undefined;
  /** What a node uses besides its pods. */
  nodeOverhead(): Usage;
  now(): number;
}

/** The node itself: this process where pods are processes, a fixed amount where they are simulated. */
export function createNodeOverhead(ofThisProcess: boolean, clock: Clock): () => Usage {
  const meter = createProcessMeter();
  const startedAt = clock.now() - process.uptime() * 1000;
  const fixed = { cpuNano: 100_000_000n, memoryBytes: 256n * 1024n * 1024n };
  return () => (ofThisProcess ? (meter.read(process.pid, startedAt, clock.now()) ?? fixed) : fixed);
}

const group = 'metrics.k8s.io';
const version = 'v1beta1';
const window = '15s';

/** `sources` is asked at each request, so that the kinds can be served before the caches are there. */
export function createMetricsApi(sources: () => MetricsSources): ComputedResource[] {
  return [
    {
      definition: kind('pods', 'PodMetrics', true, {
        containers: {
          type: 'array',
          items: { type: 'object', properties: { name: { type: 'string' }, usage } },
        },
      }),
      async get({ namespace, name }) {
        const from = sources();
        const pod = from.pods.get(`${namespace}/${name}`);
        return pod === undefined ? undefined : podMetrics(pod, from);
      },
      async list(namespace) {
        const from = sources();
        const all = from.pods.list(namespace === '' ? undefined : namespace);
        return all.flatMap((pod) => podMetrics(pod, from) ?? []).sort(byName);
      },
    },
    {
      definition: kind('nodes', 'NodeMetrics', false, { usage }),
      async get({ name }) {
        const from = sources();
        const node = from.nodes.get(name);
        return node === undefined ? undefined : nodeMetrics(node, from);
      },
      async list() {
        const from = sources();
        return from.nodes
          .list()
          .flatMap((node) => nodeMetrics(node, from) ?? [])
          .sort(byName);
      },
    },
  ];
}

/** undefined until a container has started, and after the last has ended. */
function podMetrics(pod: ReadablePod, sources: MetricsSources): Unstructured | undefined {
  const used = usageOf(pod, sources);
  if (used.size === 0) return undefined;
  const { name, namespace, labels } = pod.metadata;
  const containers = [...used].map(([container, usage]) => ({ name: container, usage: usageList(usage) }));
  return measured('PodMetrics', { name, namespace, labels }, { containers }, sources.now());
}

function nodeMetrics(node: DeepReadonly<Node>, sources: MetricsSources): Unstructured | undefined {
  const { name = '', labels } = node.metadata;
  if (sources.runtimeOf(name) === undefined) return undefined;
  let total = sources.nodeOverhead();
  for (const pod of sources.pods.byIndex(nodeIndex, name))
    for (const usage of usageOf(pod, sources).values()) total = addUsage(total, usage);
  return measured('NodeMetrics', { name, labels }, { usage: usageList(total) }, sources.now());
}

function usageOf(pod: ReadablePod, { runtimeOf }: MetricsSources): ReadonlyMap<string, Usage> {
  const node = pod.spec?.nodeName;
  if (!node || isPodFinished(pod)) return new Map();
  return runtimeOf(node)?.usage(pod) ?? new Map();
}

function measured(kind: string, meta: object, rest: object, now: number): Unstructured {
  const timestamp = formatTime(now);
  const metadata = JSON.parse(JSON.stringify({ ...meta, creationTimestamp: timestamp }));
  return { kind, apiVersion: `${group}/${version}`, metadata, timestamp, window, ...rest } as unknown as Unstructured;
}

const key = ({ metadata }: Unstructured): string => `${metadata.namespace ?? ''}/${metadata.name}`;
const byName = (a: Unstructured, b: Unstructured): number => (key(a) < key(b) ? -1 : 1);

const usage: Schema = { type: 'object', additionalProperties: { type: 'string', 'x-kubernetes-int-or-string': true } };

function kind(
  resource: string,
  name: string,
  namespaced: boolean,
  fields: { [field: string]: Schema },
): ResourceDefinition {
  const text: Schema = { type: 'string' };
  return {
    type: { group, version, resource, kind: name, namespaced },
    singular: '',
    listKind: `${name}List`,
    shortNames: [],
    categories: [],
    verbs: ['get', 'list'],
    schema: {
      type: 'object',
      properties: {
        apiVersion: text,
        kind: text,
        metadata: { type: 'object' },
        timestamp: { type: 'string', format: 'date-time' },
        window: text,
        ...fields,
      },
    },
    strategicMerge: false,
    hasStatus: false,
    generation: 'none',
    columns: [
      { name: 'Name', type: 'string', format: 'name', cell: (object) => object.metadata.name ?? '' },
      ...columnsOf(resource),
      { name: 'Window', type: 'string', cell: (object) => String(object['window']) },
    ],
  };
}

/** As metrics-server prints them: usage in columns of its own. */
function columnsOf(resource: string): NonNullable<ResourceDefinition['columns']> {
  type Measured = { usage?: Record<string, string>; containers?: { usage: Record<string, string> }[] };
  return ['cpu', 'memory'].map((what) => ({
    name: what,
    type: 'string' as const,
    cell(object) {
      const { usage: own, containers = [] } = object as unknown as Measured;
      if (resource === 'nodes') return own?.[what] ?? '';
      const amounts = containers.map(({ usage: of }) => parseQuantity(of[what] ?? '0'));
      return formatQuantity(amounts.reduce(addQuantities, zeroQuantity));
    },
  }));
}
