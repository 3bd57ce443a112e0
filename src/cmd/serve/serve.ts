/**
 * `karmada serve`: API server, controllers, scheduler and admission in one process. The parts are those of the executables, with their users, rights
 * and Leases; they reach the API server by function calls, through the same checks. One ends, all end: a service manager starts them anew.
 */
import { hostname } from 'node:os';
import { systemClock } from '../../apimachinery/clock.ts';
import type { ApiServer } from '../../apiserver/server.ts';
import { createClient } from '../../client/client.ts';
import { withPatience } from '../../client/patience.ts';
import { manyListeners } from '../../component/abort.ts';
import { serveEndpoints } from '../../component/endpoints.ts';
import type { FlagTable, FlagValues } from '../../component/flags.ts';
import { createHealth, type Health } from '../../component/health.ts';
import { createLogger } from '../../component/logging.ts';
import { createRegistry } from '../../component/metrics.ts';
import { type ComponentName, componentUsers } from '../../installation/control-plane-certificates.ts';
import { openStore } from '../../storage/store-flags.ts';
import { startKarmadaApiServer } from '../programs/apiserver.ts';
import { apiServerFlags } from '../programs/apiserver-flags.ts';
import { controllerManager } from '../programs/controller-manager.ts';
import { kubeControllerManager } from '../programs/kube-controller-manager.ts';
import type { Program } from '../programs/program.ts';
import { scheduler } from '../programs/scheduler.ts';
import { install } from './install.ts';
import { type ServeFlags, valuesFor } from './serve-flags.ts';
import { ensureCertificates, type Site, siteOf, urlOf, writeKubeconfigs } from './site.ts';

/** How often a process that runs for months looks whether its certificates run out. */
const certificateLookMs = 12 * 3_600_000;

export interface ServeOptions {
  signal: AbortSignal;
  /** Called once, when all parts are ready. */
  ready(facts: { url: string; kubeconfig: string }): void;
}

/** Resolves after the signal has aborted and everything is put away; rejects when a part fails. */
export async function serve(flags: ServeFlags, { signal, ready }: ServeOptions): Promise<void> {
  const loggerOf = (component: string) => createLogger(component, { v: flags.v, format: flags['logging-format'] });
  const health = createHealth();
  const registry = createRegistry();
  const healthAddress = flags['health-probe-bind-address'];
  const endpoints = await serveEndpoints({
    healthAddress,
    metricsAddress: flags['metrics-bind-address'] || healthAddress,
    health,
    registry,
    profiling: flags,
  });
  const ends = [() => endpoints.stop()];
  try {
    const site = siteOf(flags);
    const started = await startApiServer(flags, site, loggerOf('karmada-apiserver'), signal);
    ends.push(started.stop);
    const { server, pki } = started;
    addServerCheck(health, server);
    const { port } = new URL(server.url);
    writeKubeconfigs(site, pki, port);
    const url = urlOf(site, port);
    await install(createClient(server.localTransport()), { url, ca: pki.ca.cert });

    // One part's failure ends the others.
    const failed = new AbortController();
    const life = AbortSignal.any([signal, failed.signal]);
    manyListeners(life);
    const shared = { signal: life, registry, identity: identityOf(flags) };
    const run = <F extends FlagTable>(program: Program<F, ComponentName>, set: Partial<FlagValues<F>>) => {
      const user = { name: componentUsers[program.name], groups: ['system:authenticated'] };
      const limits = { qps: flags['kube-api-qps'], burst: flags['kube-api-burst'] };
      return program
        .run(valuesFor(program.flags, flags, set), {
          ...shared,
          logger: loggerOf(program.name),
          health: partOf(health, program.name),
          connect: () => createClient(withPatience(server.localTransport(user, program.name), limits)),
        })
        .catch((error: unknown) => {
          if (!life.aborted) failed.abort(new Error(`${program.name} ended`, { cause: error }));
        });
    };
    const parts = [
      run(kubeControllerManager, {
        controllers: flags['kube-controllers'],
        'service-account-private-key-file':
          flags['service-account-private-key-file'] || flags['service-account-signing-key-file'] || site.file('sa.key'),
        'root-ca-file': flags['root-ca-file'] || site.file('ca.crt'),
        'cluster-signing-cert-file': flags['cluster-signing-cert-file'] || site.file('ca.crt'),
        'cluster-signing-key-file': flags['cluster-signing-key-file'] || site.file('ca.key'),
      }),
      run(controllerManager, {}),
      run(scheduler, {}),
      renewCertificates(site, flags, port, loggerOf('karmada'), life),
    ];
    void untilReady(health, life).then((is) => is && ready({ url, kubeconfig: site.adminConfig }));
    await Promise.all(parts);
    if (!signal.aborted) throw failed.signal.reason ?? new Error('all parts ended');
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

async function startApiServer(
  flags: ServeFlags,
  site: Site,
  logger: ReturnType<typeof createLogger>,
  signal: AbortSignal,
) {
  // The store first: it holds the lock of the data directory, so nobody else writes what follows.
  const store = await openStore(flags, { name: 'karmada-apiserver', logger, signal });
  try {
    const pki = await ensureCertificates(site, flags);
    const values = valuesFor(apiServerFlags, flags, {
      ...filesUnlessGiven(flags, 'tls-cert-file', 'tls-private-key-file', site.file('apiserver')),
      ...filesUnlessGiven(flags, 'proxy-client-cert-file', 'proxy-client-key-file', site.file('front-proxy-client')),
      'client-ca-file': flags['client-ca-file'] || site.file('ca.crt'),
      'service-account-signing-key-file': flags['service-account-signing-key-file'] || site.file('sa.key'),
      ...(flags['requestheader-client-ca-file'] === ''
        ? {
            'requestheader-client-ca-file': site.file('front-proxy-ca.crt'),
            'requestheader-allowed-names': ['front-proxy-client'],
          }
        : {}),
    });
    const running = await startKarmadaApiServer(values, async () => store, { signal, logger });
    const { 'etcd-servers': etcdServers, 'data-dir': dataDir } = flags;
    logger.info('Serving', { url: running.server.url, ...(etcdServers.length > 0 ? { etcdServers } : { dataDir }) });
    return { ...running, pki };
  } catch (error) {
    await store.close();
    throw error;
  }
}

type PairFlag = 'tls-cert-file' | 'tls-private-key-file' | 'proxy-client-cert-file' | 'proxy-client-key-file';

/** Half a pair is an error that the API server tells. */
function filesUnlessGiven(flags: ServeFlags, cert: PairFlag, key: PairFlag, path: string): Record<string, string> {
  if (flags[cert] !== '' || flags[key] !== '') return {};
  return { [cert]: `${path}.crt`, [key]: `${path}.key` };
}

/**
 * Nobody else can have the directory open, so whoever held the Leases under this name before is gone: a start after a crash waits for nothing. Several
 * servers on one etcd tell each other apart.
 */
const identityOf = (flags: ServeFlags): string | undefined =>
  flags['etcd-servers'].length > 0 ? undefined : `karmada-serve_${hostname()}`;

/** Checks of one part carry its name. */
const partOf = (health: Health, part: string): Health => ({
  add: (check, kind, work) => health.add(`${part}-${check}`, kind, work),
  answer: (url) => health.answer(url),
});

function addServerCheck(health: Health, server: ApiServer): void {
  const client = createClient(server.localTransport());
  health.add('karmada-apiserver', 'ready', async () => {
    await client.text('/readyz');
  });
}

async function untilReady(health: Health, signal: AbortSignal): Promise<boolean> {
  while (!signal.aborted) {
    if ((await health.answer('/readyz'))?.status === 200) return true;
    await systemClock.sleep(50, signal).catch(() => {});
  }
  return false;
}

/** The API server takes up what is written here by itself. There are 30 days left when the first try is made. */
async function renewCertificates(
  site: Site,
  flags: ServeFlags,
  port: string,
  logger: ReturnType<typeof createLogger>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    await systemClock.sleep(certificateLookMs, signal).catch(() => {});
    if (signal.aborted) return;
    try {
      writeKubeconfigs(site, await ensureCertificates(site, flags), port);
    } catch (error) {
      logger.error('Cannot renew the certificates, will try again', { certDir: site.certDir, err: error });
    }
  }
}
