/** The API server's own numbers, under upstream's names. */
import { Gauge, Registry } from 'prom-client';
import type { RequestInfo } from './request-info.ts';
import { createRequestTally, type RequestLabels } from './request-tally.ts';

export interface ServerMetrics {
  /** For parts with numbers of their own. */
  readonly registry: Registry;
  request(info: RequestInfo, code: number, milliseconds: number): void;
  /** Counts a long request; call the result when it is over. */
  longRunning(info: RequestInfo): () => void;
  observeStorage(read: () => Promise<StorageNumbers>): void;
  /** Prometheus text. */
  text(): Promise<string>;
}

/** Asked at each scrape. */
export interface StorageNumbers {
  revision: number;
  oldestRevision: number;
  sizeBytes: number;
  inUseBytes: number;
  /** Objects by group and resource. */
  objects: readonly { group: string; resource: string; count: number; unreadable: number }[];
}

/** There is one store; upstream numbers its etcd clusters. */
const storageCluster = 'store-0';

export function createServerMetrics(): ServerMetrics {
  const registry = new Registry();
  const registers = [registry];
  const labelNames = ['verb', 'group', 'version', 'resource', 'subresource'] as const;
  const requests = createRequestTally(registry);
  const long = new Gauge({
    name: 'apiserver_longrunning_requests',
    help: 'Watches and other long requests that are open.',
    labelNames: [...labelNames],
    registers,
  });
  const showStorage = storageGauges(registry);
  let readStorage: (() => Promise<StorageNumbers>) | undefined;
  return {
    registry,
    observeStorage(read) {
      readStorage = read;
    },
    request(info, code, milliseconds) {
      const labels = labelsOf(info, code);
      requests.count(labels, code);
      if (info.verb !== 'watch') requests.observe(labels, milliseconds / 1000);
    },
    longRunning(info) {
      const labels = { ...labelsOf(info, 200) };
      long.inc(labels);
      return () => long.dec(labels);
    },
    async text() {
      // Before all: gauges are printed at once, and would show what the scrape before has left.
      if (readStorage !== undefined) showStorage(await readStorage());
      return registry.metrics();
    },
  };
}

/** Upstream's names: the first three are kube-apiserver's, the others etcd's. */
function storageGauges(registry: Registry): (numbers: StorageNumbers) => void {
  const gauge = (name: string, help: string, labelNames: string[] = []): Gauge =>
    new Gauge({ name, help, labelNames, registers: [registry] });
  const resources = gauge('apiserver_resource_objects', 'Stored objects by kind.', ['group', 'resource']);
  const objects = gauge('apiserver_storage_objects', 'Stored objects by kind, under one label.', ['resource']);
  const unreadable = gauge('apiserver_storage_unreadable_objects', 'Stored objects that cannot be read.', [
    'group',
    'resource',
  ]);
  const inUse = gauge('etcd_mvcc_db_total_size_in_use_in_bytes', 'Bytes of the store that hold data.');
  const total = gauge('etcd_mvcc_db_total_size_in_bytes', 'Size of the store.');
  const revision = gauge('etcd_debugging_mvcc_current_revision', 'Newest revision.');
  const compacted = gauge('etcd_debugging_mvcc_compact_revision', 'Oldest revision that can still be read.');
  const keys = gauge('etcd_debugging_mvcc_keys_total', 'Stored objects.');
  const size = gauge('apiserver_storage_size_bytes', 'Size of the store.', ['storage_cluster_id']);
  return (numbers) => {
    size.set({ storage_cluster_id: storageCluster }, numbers.sizeBytes);
    total.set(numbers.sizeBytes);
    inUse.set(numbers.inUseBytes);
    revision.set(numbers.revision);
    compacted.set(numbers.oldestRevision);
    keys.set(numbers.objects.reduce((sum, { count }) => sum + count, 0));
    // Kinds come and go.
    resources.reset();
    objects.reset();
    unreadable.reset();
    for (const { group, resource, count, unreadable: hidden } of numbers.objects) {
      resources.set({ group, resource }, count);
      if (hidden > 0) unreadable.set({ group, resource }, hidden);
      objects.set({ resource: group === '' ? resource : `${resource}.${group}` }, count);
    }
  };
}

/** What does not exist must not make new series: unknown resources and paths are counted together. */
function labelsOf(info: RequestInfo, code: number): RequestLabels {
  const { verb, group, version, resource, subresource } = info;
  if (!info.isResource || code === 404 || code === 405 || code === 403 || code === 401)
    return { verb: info.isResource ? verb : 'path', group: '', version: '', resource: '', subresource: '' };
  return { verb, group, version, resource, subresource };
}
