/** kubelite: a light Kubernetes cluster in one process. Flags → options → run. */
import { join, resolve } from 'node:path';
import { serveEndpoints } from '../component/endpoints.ts';
import { parseExecutable } from '../component/executable.ts';
import { logFlags } from '../component/flag-groups.ts';
import { flag } from '../component/flags.ts';
import { createHealth } from '../component/health.ts';
import { runComponent } from '../component/lifecycle.ts';
import { createLogger } from '../component/logging.ts';
import { createRegistry } from '../component/metrics.ts';
import type { Kubelite } from '../kubelite/cluster.ts';
import type { KubeliteOptions } from '../kubelite/cluster-options.ts';
import { checkFlags } from '../kubelite/flag-checks.ts';

const flags = parseExecutable({
  name: 'kubelite',
  description:
    'A light Kubernetes cluster in one process: API server, workload controllers, scheduler and a kubelet.\n' +
    'Pods are simulated, or, for images of this project, run as local processes.',
  flags: {
    name: flag.string('kubelite', 'Name of the cluster: its nodes, certificates and kubeconfig entries carry it.'),
    'data-dir': flag.string('', 'Folder of the store and the certificates. It belongs to one process at a time.'),
    memory: flag.bool(false, 'Keep everything in memory: the cluster is gone when the process ends.'),
    kubeconfig: flag.string('', "File that the administrator's kubeconfig is written to (mode 0600)."),
    'bind-address': flag.string('127.0.0.1', 'The address that the API server listens on.'),
    'secure-port': flag.int(0, 'The port that the API server listens on; 0 picks a free one and keeps it.'),
    'tls-san': flag.list([], 'Further names and addresses of the serving certificate.'),
    runtime: flag.choice(
      ['simulated', 'process', 'mixed'],
      'simulated',
      'How pods run: "simulated"; "process", for this project\'s own components only; or "mixed": those as processes, all others simulated.',
    ),
    'process-pod-cidr': flag.string(
      '',
      'Addresses of the pods that are processes with --runtime=mixed. Default a part of 127.0.0.0/8.',
    ),
    'process-home': flag.string('', 'Folder of process pods; hostPath volumes must lie in it. Default: in --data-dir.'),
    'executables-dir': flag.string('', 'Folder of the scripts that process pods run. Default: beside this executable.'),
    'pod-cidr': flag.string(
      '',
      'Addresses of pods. Default 10.244.0.0/16, with the process runtime a part of 127.0.0.0/8.',
    ),
    'service-cidr': flag.string(
      '',
      'clusterIPs. Default 10.13.0.0/16, with the process runtime a part of 127.0.0.0/8.',
    ),
    clusters: flag.int(1, 'Number of clusters in this process, named <name>-1, <name>-2, …; simulated ones only.'),
    nodes: flag.int(1, 'Number of nodes of each cluster.'),
    'node-cpu': flag.string('8', 'CPU that each node offers.'),
    'node-memory': flag.string('32Gi', 'Memory that each node offers.'),
    'node-pods': flag.int(110, 'Pods that each node takes.'),
    controllers: flag.list(
      ['*'],
      'Controllers to run: "*" means all, "foo" means foo, "-foo" means all but foo; names as of kube-controller-manager.',
    ),
    'pod-ready-delay': flag.duration(500, 'Time until a simulated pod is Running and Ready.'),
    'node-monitor-grace-period': flag.duration(
      0,
      'A node whose Lease is not renewed for so long counts as lost. Default 50s, and 100ms for each node of the process when that is more.',
    ),
    'restart-backoff-base': flag.duration(
      10_000,
      'First wait before a container that ended again is restarted; it doubles.',
    ),
    'restart-backoff-max': flag.duration(300_000, 'Longest wait before a container is restarted.'),
    'health-probe-bind-address': flag.string(
      '0',
      'Also serve /healthz, /livez and /readyz without TLS at this address. "0" disables it; port 0 picks a free one.',
    ),
    ...logFlags,
  },
  examples: `
    # A member cluster for trying things out
    kubelite --name=member1 --data-dir=/tmp/member1 --kubeconfig=/tmp/member1.config

    # A cluster that leaves nothing behind
    kubelite --memory --kubeconfig=/tmp/throwaway.config

    # Ten members of five nodes in one process, contexts edge-1 to edge-10
    kubelite --memory --clusters=10 --nodes=5 --name=edge --kubeconfig=/tmp/edge.config
  `,
  check: checkFlags,
});
const logger = createLogger('kubelite', { v: flags.v, format: flags['logging-format'] });

function optionsOf(): KubeliteOptions {
  const text = (value: string): string | undefined => (value === '' ? undefined : value);
  const path = (value: string): string | undefined => (value === '' ? undefined : resolve(value));
  return {
    name: flags.name,
    dataDir: flags.memory ? undefined : resolve(flags['data-dir']),
    kubeconfig: path(flags.kubeconfig),
    bindAddress: flags['bind-address'],
    securePort: flags['secure-port'],
    tlsSans: flags['tls-san'],
    runtime: flags.runtime,
    processPodCidr: flags['process-pod-cidr'] || undefined,
    processHome: path(flags['process-home']),
    executables: path(flags['executables-dir']),
    podCidr: text(flags['pod-cidr']),
    serviceCidr: text(flags['service-cidr']),
    nodes: flags.nodes,
    nodeCpu: flags['node-cpu'],
    nodeMemory: flags['node-memory'],
    nodePods: flags['node-pods'],
    controllers: flags.controllers,
    podReadyDelayMs: flags['pod-ready-delay'],
    nodeMonitorGraceMs: flags['node-monitor-grace-period'] || undefined,
    nodesOfProcess: flags.nodes * Math.max(1, flags.clusters),
    restartBackoff: { baseMs: flags['restart-backoff-base'], maxMs: flags['restart-backoff-max'] },
    logger,
  };
}

/** Each of several clusters has a name, a folder and a port of its own; all are in the one kubeconfig. */
function allOptions(): KubeliteOptions[] {
  const options = optionsOf();
  if (flags.clusters === 1) return [options];
  return Array.from({ length: flags.clusters }, (_, index) => {
    const name = `${flags.name}-${index + 1}`;
    const { dataDir } = options;
    return { ...options, name, dataDir: dataDir === undefined ? undefined : join(dataDir, name) };
  });
}

await runComponent(
  async (signal) => {
    const health = createHealth();
    let started = false;
    health.add('cluster', 'ready', () => {
      if (!started) throw new Error('starting');
    });
    const address = flags['health-probe-bind-address'];
    const registry = createRegistry();
    const endpoints = await serveEndpoints({ healthAddress: address, metricsAddress: address, health, registry });
    const { startKubelite } = await import('../kubelite/cluster.ts');
    const clusters: Kubelite[] = [];
    try {
      // One after the other: they share a processor, and the first ones are usable early.
      for (const options of allOptions()) {
        if (signal.aborted) break;
        const cluster = await startKubelite(options);
        clusters.push(cluster);
        process.stdout.write(`cluster ${cluster.name} is ready at ${cluster.url}\n`);
      }
      started = true;
      const aborted = new Promise<void>((done) => signal.addEventListener('abort', () => done(), { once: true }));
      if (!signal.aborted) await Promise.race([aborted, ...clusters.map((cluster) => cluster.failed)]);
    } finally {
      await Promise.all(clusters.map((cluster) => cluster.stop()));
      await endpoints.stop();
    }
  },
  { logger },
);
