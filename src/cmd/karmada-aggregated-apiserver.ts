/** karmada-aggregated-apiserver: the API of clusters beside an API server that is not ours. Flags → options → run. */
import { systemClock } from '../apimachinery/clock.ts';
import { deepEqual } from '../apimachinery/object.ts';
import type { Cluster } from '../apis/cluster/v1alpha1/cluster.ts';
import { clusters } from '../apis/resource-types.ts';
import {
  createDelegatedAuthenticator,
  readTrustedCertificates,
  type TrustedCertificates,
} from '../apiserver/delegation/delegated-authentication.ts';
import { createDelegatedAuthorizer } from '../apiserver/delegation/delegated-authorizer.ts';
import { createExtensionServer } from '../apiserver/extension-server.ts';
import type { ApiServer } from '../apiserver/server.ts';
import { type Client, createClient } from '../client/client.ts';
import { connect, waitForServer } from '../client/connect.ts';
import { createTransport } from '../client/http-transport.ts';
import { withImpersonation } from '../client/impersonation.ts';
import { createAgentRestriction } from '../clusters/agent/agent-restriction.ts';
import { clusterResourceDefinition } from '../clusters/cluster-api.ts';
import { createClusterProxy } from '../clusters/proxy/cluster-proxy.ts';
import { parseExecutable } from '../component/executable.ts';
import { kubeApiFlags, logFlags } from '../component/flag-groups.ts';
import { flag } from '../component/flags.ts';
import { runComponent } from '../component/lifecycle.ts';
import { createLogger, describeError } from '../component/logging.ts';
import { retryUntil, waitForContent } from '../component/wait-for-content.ts';
import { secrets } from '../kubernetes/resource-types.ts';
import type { Secret } from '../kubernetes/types.ts';
import { openEmbeddedStore } from '../storage/embedded/embedded-store.ts';

const name = 'karmada-aggregated-apiserver';
/** How often the other server is asked whose certificates count. */
const trustLookMs = 60_000;

const flags = parseExecutable({
  name,
  description: `Serves the API group cluster.karmada.io, with the status of clusters and the proxy to them, for a Kubernetes API server that is not
karmada-apiserver, which does this by itself. Who calls and what they may is asked of that server. Clusters are kept in a directory; only one
process may use it.`,
  examples: `# Beside the API server of a kubeconfig
    karmada-aggregated-apiserver --kubeconfig=karmada.config --data-dir=/var/lib/karmada-aggregated-apiserver \\
      --tls-cert-file=pki/tls.crt --tls-private-key-file=pki/tls.key`,
  flags: {
    'data-dir': flag.string(
      '/var/lib/karmada-aggregated-apiserver',
      'The directory that holds the Clusters; made when absent.',
    ),
    'bind-address': flag.string('0.0.0.0', 'The IP address on which to listen.'),
    'secure-port': flag.int(443, 'The port on which to serve HTTPS. 0 picks a free one.'),
    'tls-cert-file': flag.string('', 'File with the x509 certificate for HTTPS. Required.'),
    'tls-private-key-file': flag.string('', 'File with the private key that belongs to --tls-cert-file. Required.'),
    ...kubeApiFlags,
    'authentication-kubeconfig': flag.string(
      '',
      'Path to a kubeconfig with the right to create TokenReviews and to read ConfigMap kube-system/extension-apiserver-authentication; empty: that of --kubeconfig.',
    ),
    'authentication-skip-lookup': flag.bool(
      false,
      'Do not read that ConfigMap: only --client-ca-file and --requestheader-client-ca-file say whose certificates count.',
    ),
    'authentication-token-webhook-cache-ttl': flag.duration(
      10_000,
      'How long the answer to a TokenReview is believed.',
    ),
    'authorization-kubeconfig': flag.string(
      '',
      'Path to a kubeconfig with the right to create SubjectAccessReviews; empty: that of --kubeconfig.',
    ),
    'authorization-always-allow-paths': flag.list(['/healthz', '/readyz', '/livez'], 'Paths that anybody may ask for.'),
    'authorization-webhook-cache-authorized-ttl': flag.duration(10_000, 'How long a granted right is believed.'),
    'authorization-webhook-cache-unauthorized-ttl': flag.duration(10_000, 'How long a refused right is believed.'),
    'client-ca-file': flag.string(
      '',
      'File with the authorities that sign client certificates; empty: those of the ConfigMap.',
    ),
    'requestheader-client-ca-file': flag.string(
      '',
      'File with the authorities that sign the certificates of proxies which name users in headers; empty: those of the ConfigMap, with its names and headers.',
    ),
    'requestheader-allowed-names': flag.list(
      [],
      'Common names of proxies that are believed, with --requestheader-client-ca-file. None means every proxy with a certificate of it.',
    ),
    'requestheader-username-headers': flag.list(['x-remote-user'], 'Headers that may hold the name of the user.'),
    'requestheader-uid-headers': flag.list([], 'Headers that may hold the uid of the user.'),
    'requestheader-group-headers': flag.list(['x-remote-group'], 'Headers that hold groups of the user.'),
    'requestheader-extra-headers-prefix': flag.list(
      ['x-remote-extra-'],
      'Prefixes of headers that hold further facts of the user.',
    ),
    ...logFlags,
  },
});

const logger = createLogger(name, { v: flags.v, format: flags['logging-format'] });

await runComponent(
  async (signal) => {
    for (const file of ['tls-cert-file', 'tls-private-key-file'] as const)
      if (flags[file] === '') throw new Error(`--${file} is required`);
    const file = (flagName: FileFlag): Promise<string> =>
      waitForContent(`--${flagName} ${flags[flagName]}`, flags[flagName], { logger, signal });
    const serving = {
      host: flags['bind-address'],
      port: flags['secure-port'],
      cert: await file('tls-cert-file'),
      key: await file('tls-private-key-file'),
    };
    const given: TrustedCertificates = {
      clientCa: flags['client-ca-file'] === '' ? undefined : await file('client-ca-file'),
      requestHeader:
        flags['requestheader-client-ca-file'] === ''
          ? undefined
          : {
              clientCa: await file('requestheader-client-ca-file'),
              allowedNames: flags['requestheader-allowed-names'],
              usernameHeaders: flags['requestheader-username-headers'],
              uidHeaders: flags['requestheader-uid-headers'],
              groupHeaders: flags['requestheader-group-headers'],
              extraHeadersPrefixes: flags['requestheader-extra-headers-prefix'],
            },
    };
    const main = connectTo(flags.kubeconfig);
    const authentication =
      flags['authentication-kubeconfig'] === '' ? main : connectTo(flags['authentication-kubeconfig']);
    const authorization =
      flags['authorization-kubeconfig'] === '' ? main : connectTo(flags['authorization-kubeconfig']);
    await waitForServer(main.client, { logger, signal });
    const store = await openEmbeddedStore(flags['data-dir'], { name });
    try {
      await serve({ signal, serving, given, main, authentication, authorization }, store);
    } finally {
      await store.close();
      for (const { client } of new Set([main, authentication, authorization])) await client.close();
    }
  },
  { logger },
);

type FileFlag = 'tls-cert-file' | 'tls-private-key-file' | 'client-ca-file' | 'requestheader-client-ca-file';

function connectTo(kubeconfig: string) {
  const options = { userAgent: name, qps: flags['kube-api-qps'], burst: flags['kube-api-burst'] };
  const { client, connection } = connect({ kubeconfig, master: flags.master, ...options });
  return { client, transport: () => createTransport(connection, options) };
}

interface Parts {
  signal: AbortSignal;
  serving: { host: string; port: number; cert: string; key: string };
  given: TrustedCertificates;
  main: ReturnType<typeof connectTo>;
  authentication: { client: Client };
  authorization: { client: Client };
}

async function serve(parts: Parts, store: Awaited<ReturnType<typeof openEmbeddedStore>>): Promise<void> {
  const { signal, given, main } = parts;
  const readTrusted = async (): Promise<TrustedCertificates> => {
    if (flags['authentication-skip-lookup']) return given;
    const known = await readTrustedCertificates(parts.authentication.client, signal);
    return {
      clientCa: given.clientCa ?? known.clientCa,
      requestHeader: given.requestHeader ?? known.requestHeader,
    };
  };
  const ownConfig = 'ConfigMap kube-system/extension-apiserver-authentication';
  let trusted = await retryUntil(ownConfig, { logger, signal }, readTrusted);
  const asOthers = main.transport();
  const server: ApiServer = createExtensionServer({
    store,
    serving: parts.serving,
    resources: [clusterResourceDefinition],
    admission: [createAgentRestriction()],
    connect: [
      createClusterProxy({
        readSecret: (ref) => main.client.resource<Secret>(secrets).get(ref),
        listClusters: async () =>
          (await createClient(server.localTransport()).resource<Cluster>(clusters).list()).items,
        controlPlane: (user) => withImpersonation(asOthers, user),
        clock: systemClock,
      }),
    ],
    authenticator: createDelegatedAuthenticator({
      client: parts.authentication.client,
      trusted: () => trusted,
      tokenLifetimeMs: flags['authentication-token-webhook-cache-ttl'],
      clock: systemClock,
    }),
    authorizer: createDelegatedAuthorizer({
      client: parts.authorization.client,
      alwaysAllowPaths: flags['authorization-always-allow-paths'],
      allowedLifetimeMs: flags['authorization-webhook-cache-authorized-ttl'],
      deniedLifetimeMs: flags['authorization-webhook-cache-unauthorized-ttl'],
      clock: systemClock,
    }),
    authorities: () => {
      const all = [trusted.clientCa, trusted.requestHeader?.clientCa].filter((pem) => pem !== undefined);
      return all.length === 0 ? undefined : all.join('\n');
    },
  });
  try {
    await server.start();
    logger.info('Serving', { url: server.url, dataDir: flags['data-dir'] });
    while (!signal.aborted) {
      await systemClock.sleep(trustLookMs, signal).catch(() => {});
      if (signal.aborted) break;
      try {
        const now = await readTrusted();
        if (deepEqual(now, trusted)) continue;
        trusted = now;
        server.useAuthorities();
        logger.info('Took up other authorities of certificates', { from: ownConfig });
      } catch (error) {
        if (!signal.aborted) logger.warn('Could not look for other authorities', { err: describeError(error) });
      }
    }
  } finally {
    await server.stop();
    await asOthers.close();
  }
}
