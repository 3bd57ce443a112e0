/** kube-controller-manager: the controllers that every API server needs beside it. */
import { readFile } from 'node:fs/promises';
import { waitForServer } from '../../client/connect.ts';
import { createInformerFactory } from '../../client/informer-factory.ts';
import { kubeApiFlags, leaderElectionFlags, leaseOf, logFlags } from '../../component/flag-groups.ts';
import { type FlagValues, flag } from '../../component/flags.ts';
import { createManager } from '../../controller/manager.ts';
import { createKubeControllers, type KubeControllersOptions } from '../../kube-controllers/kube-controllers.ts';
import type { Program } from './program.ts';

const name = 'kube-controller-manager';

export const kubeControllerManagerFlags = {
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
  'cluster-signing-key-file': flag.string('', 'File with the private key that belongs to --cluster-signing-cert-file.'),
  'cluster-signing-duration': flag.duration(
    365 * 24 * 3_600_000,
    'The longest life of a certificate that is signed. Requests may ask for less with spec.expirationSeconds.',
  ),
  'health-probe-bind-address': flag.string(
    '127.0.0.1:10257',
    'The TCP address for /healthz, /livez and /readyz. "0" disables them; port 0 picks a free one.',
  ),
  'metrics-bind-address': flag.string('', 'The TCP address for /metrics; empty means that of the health checks.'),
  ...leaderElectionFlags(name, 'kube-system'),
  ...kubeApiFlags,
  ...logFlags,
};

type Flags = FlagValues<typeof kubeControllerManagerFlags>;

export const kubeControllerManager: Program<typeof kubeControllerManagerFlags, typeof name> = {
  name,
  description: `The controllers that every Kubernetes API server needs beside it, whatever runs on the cluster: they empty namespaces that
are deleted, collect objects whose owners are gone, give service accounts their tokens, aggregate ClusterRoles, and sign certificates.`,
  examples: `# Beside a Karmada control plane
    kube-controller-manager --kubeconfig=karmada.config --controllers=namespace,garbagecollector,serviceaccount-token \\
      --service-account-private-key-file=pki/sa.key --root-ca-file=pki/ca.crt`,
  flags: kubeControllerManagerFlags,
  async run(flags, { signal, logger, health, registry, connect, identity }) {
    const client = connect();
    try {
      const informers = createInformerFactory(client, { logger });
      const controllers = createKubeControllers({
        client,
        informers,
        controllers: flags.controllers,
        serviceAccountKey: await readOptional(flags, 'service-account-private-key-file'),
        rootCa: await readOptional(flags, 'root-ca-file'),
        clusterSigning: await readAuthority(flags),
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
        leaderElection: lease && { client, logger, identity, ...lease },
      });
      manager.add(controllers);
      await manager.run(signal);
    } finally {
      await client.close();
    }
  },
};

async function readAuthority(flags: Flags): Promise<KubeControllersOptions['clusterSigning']> {
  const cert = await readOptional(flags, 'cluster-signing-cert-file');
  const key = await readOptional(flags, 'cluster-signing-key-file');
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

async function readOptional(flags: Flags, name: FileFlag): Promise<string | undefined> {
  const path = flags[name];
  if (path === '') return undefined;
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new Error(`--${name}: ${(cause as Error).message}`, { cause });
  }
}
