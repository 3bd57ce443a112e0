/** karmada-scheduler-estimator: how much fits into one member cluster. Flags → options → assemble → run. */
import { connect, waitForServer } from '../client/connect.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import { untilAborted } from '../component/abort.ts';
import { serveEndpoints } from '../component/endpoints.ts';
import { parseExecutable } from '../component/executable.ts';
import { featureGatesFlag } from '../component/feature-gates.ts';
import { endpointFlags, kubeconfigFlags, logFlags, profilingFlags } from '../component/flag-groups.ts';
import { flag } from '../component/flags.ts';
import { createHealth } from '../component/health.ts';
import { runComponent } from '../component/lifecycle.ts';
import { createLogger } from '../component/logging.ts';
import { createRegistry } from '../component/metrics.ts';
import { serveEstimator, serverCredentials } from '../estimator/server/estimator-server.ts';

const name = 'karmada-scheduler-estimator';

const flags = parseExecutable({
  name,
  description: `Tells karmada-scheduler how many replicas of a workload fit into one member cluster, by what is free on its nodes, and
karmada-descheduler how many replicas the cluster could not place. Run one for each member cluster.`,
  examples: `# For the member cluster member1, with mutual TLS
    karmada-scheduler-estimator --kubeconfig=member1.config --cluster-name=member1 --grpc-auth-cert-file=server.crt --grpc-auth-key-file=server.key --grpc-client-ca-file=ca.crt`,
  flags: {
    ...kubeconfigFlags,
    'cluster-name': flag.string('', 'The name of the member cluster.'),
    'bind-address': flag.string('', 'The IP address to listen on; empty means all.'),
    'server-port': flag.int(10352, 'The port of the gRPC server; 0 picks a free one.'),
    'grpc-auth-cert-file': flag.string('', 'Certificate (PEM) of the gRPC server; without it and its key, plain text.'),
    'grpc-auth-key-file': flag.string('', 'The key (PEM) of --grpc-auth-cert-file.'),
    'grpc-client-ca-file': flag.string('', 'The CA (PEM) that signed the certificates of clients; they must show one.'),
    'insecure-skip-grpc-client-verify': flag.bool(false, 'Do not ask clients for a certificate.'),
    'kube-api-qps': flag.float(20, 'QPS to use while talking with the API server of the member cluster.'),
    'kube-api-burst': flag.int(30, 'Burst to use while talking with the API server of the member cluster.'),
    'feature-gates': featureGatesFlag(),
    ...endpointFlags(':10351'),
    ...profilingFlags,
    ...logFlags,
  },
});

const logger = createLogger(name, { v: flags.v, format: flags['logging-format'] });

await runComponent(
  async (signal) => {
    if (flags['cluster-name'] === '') throw new Error('clusterName cannot be empty');
    const health = createHealth();
    let serving = false;
    health.add('serving', 'ready', () => {
      if (!serving) throw new Error('not serving yet');
    });
    const registry = createRegistry();
    const endpoints = await serveEndpoints({
      healthAddress: flags['health-probe-bind-address'],
      metricsAddress: flags['metrics-bind-address'],
      health,
      registry,
      profiling: flags,
    });
    const { client } = connect({
      kubeconfig: flags.kubeconfig,
      master: flags.master,
      userAgent: name,
      qps: flags['kube-api-qps'],
      burst: flags['kube-api-burst'],
    });
    try {
      await waitForServer(client, { logger, signal });
      const informers = createInformerFactory(client, { logger });
      const host = flags['bind-address'];
      const server = await serveEstimator({
        clusterName: flags['cluster-name'],
        client,
        informers,
        gates: flags['feature-gates'],
        address: `${host === '' ? '[::]' : host.includes(':') ? `[${host}]` : host}:${flags['server-port']}`,
        credentials: serverCredentials({
          certFile: flags['grpc-auth-cert-file'],
          keyFile: flags['grpc-auth-key-file'],
          clientCaFile: flags['grpc-client-ca-file'],
          insecureSkipClientVerify: flags['insecure-skip-grpc-client-verify'],
        }),
        async fillCaches() {
          informers.start(signal);
          await informers.whenSynced(signal);
        },
        registry,
        logger,
      });
      try {
        serving = true;
        logger.info('Serving', { cluster: flags['cluster-name'], port: server.port });
        await untilAborted(signal);
      } finally {
        await server.stop();
      }
    } finally {
      await client.close();
      await endpoints.stop();
    }
  },
  { logger },
);
