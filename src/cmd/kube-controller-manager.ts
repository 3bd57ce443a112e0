/** kube-controller-manager: the controllers that every API server needs beside it. Flags → options → run. */
import { readFile } from 'node:fs/promises';
import { connect, waitForServer } from '../client/connect.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import { serveEndpoints } from '../component/endpoints.ts';
import { parseExecutable } from '../component/executable.ts';
import { kubeApiFlags, leaderElectionFlags, leaseOf, logFlags } from '../component/flag-groups.ts';
import { flag } from '../component/flags.ts';
import { createHealth } from '../component/health.ts';
import { runComponent } from '../component/lifecycle.ts';
import { createLogger } from '../component/logging.ts';
import { createRegistry } from '../component/metrics.ts';
import { createManager } from '../controller/manager.ts';
import { createKubeControllers, type KubeControllersOptions } from '../kube-controllers/kube-controllers.ts';

const flags = parseExecutable({
  name: 'kube-controller-manager',
  description: `The controllers that every Kubernetes API server needs beside it, whatever runs on the cluster: they empty namespaces that
are deleted, collect objects whose owners are gone, give service accounts their tokens, aggregate ClusterRoles, and sign certificates.`,
  examples: `# Beside a Karmada control plane
    kube-controller-manager --kubeconfig=karmada.config --controllers=namespace,garbagecollector,serviceaccount-token \\
      --service-account-private-key-file=pki/sa.key --root-ca-file=pki/ca.crt`,
  flags: {
    controllers: flag.list(
      ['*'],
      'Controllers to run: "*" means all, "foo" means foo, "-foo" means all but foo. There are: namespace, garbagecollector, ' +
        'serviceaccount, serviceaccount-token, root-ca-cert-publisher, clusterrole-aggregation, csrapproving, csrcleaner, ' +
        'csrsigning, and, only when they are named, bootstrapsigner and tokencleaner.',
    ),
    'service-account-private-key-file': flag.string(
      '',
      'File with the PEM-encoded private RSA or ECDSA key that signs the tokens of service accounts.',
    ),
    'root-ca-file': flag.string(
      '',
      "File with the CA of the API server's certificate. It is put into token Secrets and into ConfigMap kube-root-ca.crt.",
    ),
    'cluster-signing-cert-file': flag.string(
      '',
      'File with the PEM-encoded certificate of the authority that signs CertificateSigningRequests. Without it none are signed.',
    ),
    'cluster-signing-key-file': flag.string(
      '',
      'File with the private key that belongs to --cluster-signing-cert-file.',
    ),
    'cluster-signing-duration': flag.duration(
      365 * 24 * 3_600_000,
      'The longest life of a certificate that is signed. Requests may ask for less with spec.expirationSeconds.',
    ),
    'health-probe-bind-address': flag.string(
      '127.0.0.1:10257',
      'The TCP address for /healthz, /livez and /readyz. "0" disables them; port 0 picks a free one.',
    ),
    'metrics-bind-address': flag.string('', 'The TCP address for /metrics; empty means that of the health checks.'),
    ...leaderElectionFlags('kube-controller-manager', 'kube-system'),
    ...kubeApiFlags,
    ...logFlags,
  },
});

const logger = createLogger('kube-controller-manager', { v: flags.v, format: flags['logging-format'] });

await runComponent(
  async (signal) => {
    const health = createHealth();
    const registry = createRegistry();
    const healthAddress = flags['health-probe-bind-address'];
    const metricsAddress = flags['metrics-bind-address'] || healthAddress;
    const endpoints = await serveEndpoints({ healthAddress, metricsAddress, health, registry });
    const { client } = connect({
      kubeconfig: flags.kubeconfig,
      master: flags.master,
      userAgent: 'kube-controller-manager',
      qps: flags['kube-api-qps'],
      burst: flags['kube-api-burst'],
    });
    try {
      const informers = createInformerFactory(client, { logger });
      const controllers = createKubeControllers({
        client,
        informers,
        controllers: flags.controllers,
        serviceAccountKey: await readOptional('service-account-private-key-file'),
        rootCa: await readOptional('root-ca-file'),
        clusterSigning: await readAuthority(),
        logger,
        registry,
      });
      logger.info('Chosen controllers', { controllers: controllers.enabled });
      await waitForServer(client, { logger, signal });
      const lease = leaseOf(flags);
      const manager = createManager({
        informers: [informers],
        health,
        logger,
        leaderElection: lease && { client, logger, ...lease },
      });
      manager.add(controllers);
      await manager.run(signal);
    } finally {
      await client.close();
      await endpoints.stop();
    }
  },
  { logger },
);

async function readAuthority(): Promise<KubeControllersOptions['clusterSigning']> {
  const cert = await readOptional('cluster-signing-cert-file');
  const key = await readOptional('cluster-signing-key-file');
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined)
    throw new Error('--cluster-signing-cert-file and --cluster-signing-key-file are given both or not at all');
  return { cert, key, durationMs: flags['cluster-signing-duration'] };
}

type FileFlag =
  | 'service-account-private-key-file'
  | 'root-ca-file'
  | 'cluster-signing-cert-file'
  | 'cluster-signing-key-file';

async function readOptional(name: FileFlag): Promise<string | undefined> {
  const path = flags[name];
  if (path === '') return undefined;
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new Error(`--${name}: ${(cause as Error).message}`, { cause });
  }
}
