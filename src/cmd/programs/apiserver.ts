/** karmada-apiserver put together: store, identity, Karmada's admission, the cluster proxy. */
import { systemClock } from '../../apimachinery/clock.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import type { ResourceInterpreterCustomization } from '../../apis/config/v1alpha1/resource-interpreter-customization.ts';
import { clusters, resourceInterpreterCustomizations } from '../../apis/resource-types.ts';
import { bindingConverters } from '../../apis/work/binding-conversion.ts';
import { encryptStore } from '../../apiserver/encryption/encryption-flags.ts';
import { type ApiServer, createApiServer } from '../../apiserver/server.ts';
import { createClient } from '../../client/client.ts';
import { createAgentRestriction } from '../../clusters/agent/agent-restriction.ts';
import { clusterResourceDefinition } from '../../clusters/cluster-api.ts';
import { createClusterProxy } from '../../clusters/proxy/cluster-proxy.ts';
import type { Logger } from '../../component/logging.ts';
import { waitForContent } from '../../component/wait-for-content.ts';
import { watchKeyPair } from '../../component/watched-key-pair.ts';
import { createLuaPool } from '../../interpreter/lua/pool.ts';
import { createKarmadaAdmissionPlugin } from '../../karmada-admission/admission-plugin.ts';
import { secrets } from '../../kubernetes/resource-types.ts';
import type { Secret } from '../../kubernetes/types.ts';
import type { Store } from '../../storage/store.ts';
import type { ApiServerFlags } from './apiserver-flags.ts';
import { auditOptions } from './audit-flags.ts';

interface Surroundings {
  signal: AbortSignal;
  logger: Logger;
}

interface RunningApiServer {
  server: ApiServer;
  /** Drains it, and closes the store. */
  stop(): Promise<void>;
}

/** Listens when this resolves. Waits for files that are not there yet before it opens the store. */
export async function startKarmadaApiServer(
  flags: ApiServerFlags,
  openStore: () => Promise<Store>,
  { signal, logger }: Surroundings,
): Promise<RunningApiServer> {
  const file = async (name: FileFlag): Promise<string | undefined> =>
    flags[name] === '' ? undefined : waitForContent(`--${name} ${flags[name]}`, flags[name], { logger, signal });
  const required = async (name: FileFlag): Promise<void> => {
    if ((await file(name)) === undefined) throw new Error(`--${name} is required`);
  };
  await required('tls-cert-file');
  await required('tls-private-key-file');
  const certificate = watchKeyPair(flags['tls-cert-file'], flags['tls-private-key-file']);
  const clientCa = await file('client-ca-file');
  const requestHeaderCa = await file('requestheader-client-ca-file');
  const proxyCert = await file('proxy-client-cert-file');
  const proxyKey = await file('proxy-client-key-file');
  if ((proxyCert === undefined) !== (proxyKey === undefined))
    throw new Error('--proxy-client-cert-file and --proxy-client-key-file must be given together');
  const serviceAccountKey = await file('service-account-signing-key-file');
  const serviceAccountVerifyKeys: string[] = [];
  for (const path of flags['service-account-key-file'])
    serviceAccountVerifyKeys.push(await waitForContent(`--service-account-key-file ${path}`, path, { logger, signal }));
  const lua = createLuaPool();
  const plain = await openStore();
  const stops = [() => plain.close(), () => lua.close()];
  const stop = async (): Promise<void> => {
    for (const end of stops.splice(0).reverse()) await end();
  };
  try {
    const store = await encryptStore(plain, flags, { logger, signal });
    const proxy = createClusterProxy({
      // Asked only by requests, when the server is there.
      readSecret: (ref) => createClient(server.localTransport()).resource<Secret>(secrets).get(ref),
      listClusters: async () => (await createClient(server.localTransport()).resource<Cluster>(clusters).list()).items,
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
        createAgentRestriction(),
      ],
      serving: { host: flags['bind-address'], port: flags['secure-port'], ...certificate.current },
      serviceAccountVerifyKeys,
      serviceAccountIssuer: flags['service-account-issuer'],
      allocateServices: flags['allocate-service-ports']
        ? { serviceCidr: flags['service-cluster-ip-range'] }
        : undefined,
      disableAdmission: flags['disable-admission-plugins'],
      aggregation: {
        proxyClient: proxyCert === undefined || proxyKey === undefined ? undefined : { cert: proxyCert, key: proxyKey },
        toEndpoints: flags['enable-aggregator-routing'],
      },
      flowControl: {
        maxReads: flags['max-requests-inflight'] || Number.POSITIVE_INFINITY,
        maxWrites: flags['max-mutating-requests-inflight'] || Number.POSITIVE_INFINITY,
        fair: flags['enable-priority-and-fairness'],
        requestTimeoutMs: flags['request-timeout'],
        objects: true,
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
    stops.push(() => server.stop());
    await server.start();
    const endLooks = certificate.follow((pair) => server.useCertificate(pair), logger);
    stops.push(async () => endLooks());
    return { server, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

type FileFlag =
  | 'tls-cert-file'
  | 'tls-private-key-file'
  | 'client-ca-file'
  | 'requestheader-client-ca-file'
  | 'proxy-client-cert-file'
  | 'proxy-client-key-file'
  | 'service-account-signing-key-file';
