/** karmada-apiserver: the API server of a Karmada control plane on its own, durable store. Flags → options → run. */
import { systemClock } from '../apimachinery/clock.ts';
import type { Cluster } from '../apis/cluster/v1alpha1/cluster.ts';
import type { ResourceInterpreterCustomization } from '../apis/config/v1alpha1/resource-interpreter-customization.ts';
import { encryptionFlags, encryptStore } from '../apiserver/encryption/encryption-flags.ts';
import type { ApiServer } from '../apiserver/server.ts';
import { parseExecutable } from '../component/executable.ts';
import { allowNoExecuteTaintPolicyFlag, logFlags } from '../component/flag-groups.ts';
import { flag } from '../component/flags.ts';
import { runComponent } from '../component/lifecycle.ts';
import { createLogger } from '../component/logging.ts';
import { defaultServiceAccountIssuer } from '../component/service-account-token.ts';
import { waitForContent } from '../component/wait-for-content.ts';
import type { Secret } from '../kubernetes/types.ts';
import { defaultCompaction } from '../storage/compaction.ts';
import { openStore, storeFlags } from '../storage/store-flags.ts';
import { auditFlags, auditOptions } from './audit-flags.ts';

const defaultDirectory = '/var/lib/karmada-apiserver';

if (process.argv[2] === 'snapshot') {
  const { runSnapshotCommand } = await import('../storage/embedded/snapshot-command.ts');
  process.exit(await runSnapshotCommand('karmada-apiserver', process.argv.slice(3), defaultDirectory));
}

if (process.argv[2] === 'store') {
  const { runStoreCommand } = await import('../storage/store-command.ts');
  process.exit(await runStoreCommand('karmada-apiserver', process.argv.slice(3)));
}

const flags = parseExecutable({
  name: 'karmada-apiserver',
  description: `The API server of a Karmada control plane. It keeps its objects in a directory of its own, so that it needs no etcd, and
serves the Kubernetes API, custom resources and Karmada's API groups over TLS. Only one process may use a data directory.
With --etcd-servers it keeps them in etcd, where several servers may share them.

Backup and restore: "karmada-apiserver snapshot save PATH" and "karmada-apiserver snapshot restore PATH --data-dir=DIR".
From a directory to etcd, and back: "karmada-apiserver store migrate --from=DIR --to=URLS".`,
  examples: `# Serve on the loopback address with certificates from a folder
    karmada-apiserver --data-dir=/var/lib/karmada-apiserver --tls-cert-file=pki/tls.crt --tls-private-key-file=pki/tls.key \\
      --client-ca-file=pki/ca.crt --service-account-signing-key-file=pki/sa.key`,
  flags: {
    ...storeFlags(defaultDirectory),
    ...encryptionFlags,
    'bind-address': flag.string('127.0.0.1', 'The IP address on which to listen.'),
    'secure-port': flag.int(5443, 'The port on which to serve HTTPS. 0 picks a free one.'),
    'tls-cert-file': flag.string('', 'File with the x509 certificate for HTTPS.'),
    'tls-private-key-file': flag.string('', 'File with the private key that belongs to --tls-cert-file.'),
    'client-ca-file': flag.string(
      '',
      'Requests with a client certificate signed by one of the authorities in this file are made by its common name.',
    ),
    'enable-bootstrap-token-auth': flag.bool(
      false,
      "Let Secrets of type 'bootstrap.kubernetes.io/token' in namespace kube-system be credentials of machines that join.",
    ),
    'requestheader-client-ca-file': flag.string(
      '',
      'File with the authorities that sign the certificates of proxies which name users in headers. Without it no header is believed.',
    ),
    'requestheader-allowed-names': flag.list(
      [],
      'Common names of proxies that are believed. None means every proxy with a certificate of --requestheader-client-ca-file.',
    ),
    'requestheader-username-headers': flag.list(['X-Remote-User'], 'Headers that may hold the name of the user.'),
    'requestheader-uid-headers': flag.list(['X-Remote-Uid'], 'Headers that may hold the uid of the user.'),
    'requestheader-group-headers': flag.list(['X-Remote-Group'], 'Headers that hold groups of the user.'),
    'requestheader-extra-headers-prefix': flag.list(
      ['X-Remote-Extra-'],
      'Prefixes of headers that hold further facts of the user.',
    ),
    'proxy-client-cert-file': flag.string(
      '',
      'File with the client certificate by which servers behind APIServices know this server. It names users to them in headers.',
    ),
    'proxy-client-key-file': flag.string('', 'File with the private key that belongs to --proxy-client-cert-file.'),
    'service-account-key-file': flag.list(
      [],
      'File with a PEM-encoded key that service account tokens are verified with, besides the signing key. May be given several times.',
    ),
    'service-account-signing-key-file': flag.string(
      '',
      'File with the private key that signs service account tokens. Without it there are none.',
    ),
    'service-account-issuer': flag.string(
      defaultServiceAccountIssuer,
      'The issuer in service account tokens, and their default audience.',
    ),
    'allocate-service-ports': flag.bool(
      false,
      'Give Services a clusterIP and node ports. Off, because on a control plane Services are templates, and allocated node ports clash in members.',
    ),
    'service-cluster-ip-range': flag.string(
      '10.96.0.0/12',
      'Where clusterIPs come from with --allocate-service-ports.',
    ),
    'disable-admission-plugins': flag.list(
      ['ServiceAccount', 'StorageObjectInUseProtection'],
      'Admission plugins of the built-in chain to leave out.',
    ),
    'allow-no-execute-taint-policy': allowNoExecuteTaintPolicyFlag,
    'history-retention': flag.duration(
      defaultCompaction.keepMs,
      'How long past states are kept: watches and lists may go on from them.',
    ),
    'history-max-revisions': flag.int(
      defaultCompaction.keepRevisions,
      'Past states are compacted earlier when there are more revisions than this.',
    ),
    'history-max-bytes': flag.int(
      defaultCompaction.keepBytes,
      'Past states are compacted earlier when more bytes than this were written since.',
    ),
    'max-requests-inflight': flag.int(
      800,
      'Reads that are worked on at a time; further ones wait, and are refused with 429 when too many do or for too long.',
    ),
    'max-mutating-requests-inflight': flag.int(400, 'The same for writes.'),
    'enable-priority-and-fairness': flag.bool(
      true,
      'Start requests that wait one user after another, so that a client with many of them holds up nobody else.',
    ),
    'request-timeout': flag.duration(60_000, 'How long a request may take, watches and other long ones excepted.'),
    'shutdown-delay-duration': flag.duration(
      0,
      'How long to go on serving after SIGTERM, while /readyz fails already, so that load balancers notice in time.',
    ),
    'event-ttl': flag.duration(3_600_000, 'How long Events are kept.'),
    ...auditFlags,
    ...logFlags,
  },
});

const logger = createLogger('karmada-apiserver', { v: flags.v, format: flags['logging-format'] });

await runComponent(
  async (signal) => {
    const [
      { createApiServer },
      { createKarmadaAdmissionPlugin },
      { clusterResourceDefinition },
      { createClusterProxy },
      { createClient },
      { secrets },
      { createLuaPool },
      { clusters, resourceInterpreterCustomizations },
      { bindingConverters },
    ] = await Promise.all([
      import('../apiserver/server.ts'),
      import('../karmada-admission/admission-plugin.ts'),
      import('../clusters/cluster-api.ts'),
      import('../clusters/proxy/cluster-proxy.ts'),
      import('../client/client.ts'),
      import('../kubernetes/resource-types.ts'),
      import('../interpreter/lua/pool.ts'),
      import('../apis/resource-types.ts'),
      import('../apis/work/binding-conversion.ts'),
    ]);
    const cert = await waitForFile('tls-cert-file', signal);
    const key = await waitForFile('tls-private-key-file', signal);
    const clientCa = await waitForOptionalFile('client-ca-file', signal);
    const requestHeaderCa = await waitForOptionalFile('requestheader-client-ca-file', signal);
    const proxyCert = await waitForOptionalFile('proxy-client-cert-file', signal);
    const proxyKey = await waitForOptionalFile('proxy-client-key-file', signal);
    if ((proxyCert === undefined) !== (proxyKey === undefined))
      throw new Error('--proxy-client-cert-file and --proxy-client-key-file must be given together');
    const serviceAccountKey = await waitForOptionalFile('service-account-signing-key-file', signal);
    const serviceAccountVerifyKeys: string[] = [];
    for (const path of flags['service-account-key-file'])
      serviceAccountVerifyKeys.push(
        await waitForContent(`--service-account-key-file ${path}`, path, { logger, signal }),
      );
    const lua = createLuaPool();
    const plain = await openStore(flags, { name: 'karmada-apiserver', logger, signal });
    try {
      const store = await encryptStore(plain, flags, { logger, signal });
      const proxy = createClusterProxy({
        // Asked only by requests, when the server is there.
        readSecret: (ref) => createClient(server.localTransport()).resource<Secret>(secrets).get(ref),
        listClusters: async () =>
          (await createClient(server.localTransport()).resource<Cluster>(clusters).list()).items,
        controlPlane: (user) => server.localTransport(user),
        clock: systemClock,
      });
      const server: ApiServer = createApiServer({
        store,
        connect: [proxy],
        converters: bindingConverters,
        resources: [clusterResourceDefinition],
        admission: [
          createKarmadaAdmissionPlugin({
            customizations: {
              list: async () => {
                const client = createClient(server.localTransport());
                const stored = client.resource<ResourceInterpreterCustomization>(resourceInterpreterCustomizations);
                return (await stored.list()).items;
              },
              compile: (chunk, script) => lua.compile(chunk, script),
            },
            allowNoExecuteTaintPolicy: flags['allow-no-execute-taint-policy'],
          }),
        ],
        serving: { host: flags['bind-address'], port: flags['secure-port'], cert, key },
        serviceAccountVerifyKeys,
        serviceAccountIssuer: flags['service-account-issuer'],
        allocateServices: flags['allocate-service-ports']
          ? { serviceCidr: flags['service-cluster-ip-range'] }
          : undefined,
        disableAdmission: flags['disable-admission-plugins'],
        aggregation: {
          proxyClient:
            proxyCert === undefined || proxyKey === undefined ? undefined : { cert: proxyCert, key: proxyKey },
        },
        flowControl: {
          maxReads: flags['max-requests-inflight'] || Number.POSITIVE_INFINITY,
          maxWrites: flags['max-mutating-requests-inflight'] || Number.POSITIVE_INFINITY,
          fair: flags['enable-priority-and-fairness'],
          requestTimeoutMs: flags['request-timeout'],
        },
        shutdownDelayMs: flags['shutdown-delay-duration'],
        drainMs: flags['request-timeout'],
        audit: auditOptions(flags, (message) => logger.warn(message)),
        eventTtlMs: flags['event-ttl'],
        compaction: {
          keepMs: flags['history-retention'],
          keepRevisions: flags['history-max-revisions'],
          keepBytes: flags['history-max-bytes'],
        },
        ...(clientCa === undefined ? {} : { clientCa }),
        bootstrapTokens: flags['enable-bootstrap-token-auth'],
        requestHeader:
          requestHeaderCa === undefined
            ? undefined
            : {
                clientCa: requestHeaderCa,
                allowedNames: flags['requestheader-allowed-names'],
                usernameHeaders: flags['requestheader-username-headers'],
                uidHeaders: flags['requestheader-uid-headers'],
                groupHeaders: flags['requestheader-group-headers'],
                extraHeadersPrefixes: flags['requestheader-extra-headers-prefix'],
              },
        ...(serviceAccountKey === undefined ? {} : { serviceAccountKey }),
      });
      try {
        await server.start();
        const etcd = flags['etcd-servers'];
        logger.info('Serving', {
          url: server.url,
          ...(etcd.length > 0 ? { etcdServers: etcd } : { dataDir: flags['data-dir'] }),
        });
        await new Promise<void>((resolve) => {
          if (signal.aborted) resolve();
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
      } finally {
        await server.stop();
      }
    } finally {
      await lua.close();
      await plain.close();
    }
  },
  { logger, gracePeriodMs: flags['shutdown-delay-duration'] + flags['request-timeout'] + 15_000 },
);

type FileFlag =
  | 'tls-cert-file'
  | 'tls-private-key-file'
  | 'client-ca-file'
  | 'requestheader-client-ca-file'
  | 'proxy-client-cert-file'
  | 'proxy-client-key-file'
  | 'service-account-signing-key-file';

function waitForFile(name: FileFlag, signal: AbortSignal): Promise<string> {
  if (flags[name] === '') throw new Error(`--${name} is required`);
  return waitForContent(`--${name} ${flags[name]}`, flags[name], { logger, signal });
}

async function waitForOptionalFile(name: FileFlag, signal: AbortSignal): Promise<string | undefined> {
  return flags[name] === '' ? undefined : waitForFile(name, signal);
}
