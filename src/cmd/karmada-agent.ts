/** karmada-agent: carries the Works of one pull cluster, from inside it. Flags → options → assemble → run. */
import { setMaxListeners } from 'node:events';
import { systemClock } from '../apimachinery/clock.ts';
import type { Cluster } from '../apis/cluster/v1alpha1/cluster.ts';
import { clusterNamespace } from '../apis/constants.ts';
import { clusters } from '../apis/resource-types.ts';
import { createClient } from '../client/client.ts';
import { connect, waitForServer } from '../client/connect.ts';
import { createTransport } from '../client/http-transport.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import { createCertificateRotation } from '../clusters/agent/certificate-rotation.ts';
import { controlPlaneConnection } from '../clusters/agent/control-plane-connection.ts';
import { createLeaseController } from '../clusters/agent/lease-controller.ts';
import { type ReportedSecret, registerSelf } from '../clusters/agent/register-self.ts';
import { whyRefused } from '../clusters/agent/why-refused.ts';
import { createCascadeController } from '../clusters/registration/cascade-controller.ts';
import { createClusterStatusController } from '../clusters/status/cluster-status-controller.ts';
import { serveEndpoints } from '../component/endpoints.ts';
import { parseExecutable } from '../component/executable.ts';
import { featureGatesFlag } from '../component/feature-gates.ts';
import {
  clusterApiFlags,
  endpointFlags,
  kubeApiFlags,
  leaderElectionFlags,
  leaseOf,
  logFlags,
  profilingFlags,
  rateLimiterFlags,
  resyncFlags,
} from '../component/flag-groups.ts';
import { flag } from '../component/flags.ts';
import { createHealth } from '../component/health.ts';
import { runComponent } from '../component/lifecycle.ts';
import { createLogger, describeError } from '../component/logging.ts';
import { createRegistry } from '../component/metrics.ts';
import { createManager } from '../controller/manager.ts';
import { createConfiguredLayers } from '../interpreter/configured-layers.ts';
import { createMemberClusters, onlyCluster } from '../members/member-clusters.ts';
import { agentControllers, assertGatesBuilt, chooseControllers } from '../propagation/choose-controllers.ts';
import { createWorkSide } from '../propagation/create-control-plane.ts';
import { createExecutionController } from '../propagation/execution/execution-controller.ts';
import { createMemberObjects } from '../propagation/member-objects.ts';
import { createWorkStatusController } from '../propagation/status/work-status-controller.ts';

const name = 'karmada-agent';
const { 'kube-api-qps': kubeApiQps, 'kube-api-burst': kubeApiBurst, kubeconfig, master } = kubeApiFlags;

const flags = parseExecutable({
  name,
  description: `Joins the cluster it runs in to a Karmada control plane, from inside: it fetches the Works that are meant for the cluster, applies
them and reports back. The control plane needs no way into the cluster.`,
  examples: `# In a pod of the cluster, as karmadactl register sets it up
    karmada-agent --cluster-name=member3 --karmada-kubeconfig=/etc/kubeconfig/karmada-kubeconfig
    # Outside of it, with a kubeconfig for the cluster
    karmada-agent --cluster-name=member3 --karmada-kubeconfig=karmada.config --kubeconfig=member3.config`,
  flags: {
    'cluster-name': flag.string('', 'Name of member cluster that the agent serves for. Required.'),
    'karmada-kubeconfig': flag.string(
      '',
      'Path to the kubeconfig of the control plane. It is read again when it changes. Required.',
    ),
    'karmada-context': flag.string('', 'Name of the context in --karmada-kubeconfig; empty: its current context.'),
    kubeconfig: {
      ...kubeconfig,
      usage: 'Path to the kubeconfig of the member cluster; empty: the service account of the pod this runs in.',
    },
    master,
    controllers: flag.list(
      ['*'],
      `A list of controllers to enable. '*' enables all on-by-default controllers, 'foo' enables the controller named 'foo', '-foo' disables it. Known: ${Object.keys(agentControllers).join(', ')}`,
    ),
    'cluster-namespace': flag.string(
      clusterNamespace,
      'Namespace in the control plane where the Secrets of clusters are.',
    ),
    'cluster-api-endpoint': flag.string('', 'Address of the API server of the member cluster, for the control plane.'),
    'proxy-server-address': flag.string(
      '',
      'Address of the proxy through which the control plane reaches the cluster.',
    ),
    'cluster-provider': flag.string('', 'Provider of the joining cluster.'),
    'cluster-region': flag.string('', 'The region of the joining cluster.'),
    'cluster-zones': flag.list([], 'The zones of the joining cluster.'),
    'report-secrets': flag.list(
      ['KubeCredentials', 'KubeImpersonator'],
      'The secrets that are reported to the control plane: KubeCredentials, KubeImpersonator, or None.',
    ),
    'cluster-status-update-frequency': flag.duration(10_000, 'How often the status of the cluster is collected.'),
    'cluster-lease-duration': flag.duration(40_000, 'How long the Lease of the cluster is good for.'),
    'cluster-lease-renew-interval-fraction': flag.float(
      0.25,
      'The part of --cluster-lease-duration after which the Lease is renewed.',
    ),
    'cluster-success-threshold': flag.duration(
      30_000,
      'How long the cluster must be healthy before it is Ready again.',
    ),
    'cluster-failure-threshold': flag.duration(30_000, 'How long the cluster must fail before it is no longer Ready.'),
    'cluster-cache-sync-timeout': flag.duration(120_000, 'How long the cache of the cluster may take to fill.'),
    'enable-cluster-resource-modeling': flag.bool(true, 'Sum up the nodes and pods of the cluster in its status.'),
    'concurrent-cluster-syncs': flag.int(5, 'The number of Clusters whose status is collected at once.'),
    'concurrent-work-syncs': flag.int(5, 'The number of Works that are synced at once.'),
    'cert-rotation-checking-interval': flag.duration(300_000, 'How often the certificate of this agent is looked at.'),
    'cert-rotation-remaining-time-threshold': flag.float(
      0.2,
      'The certificate is renewed when this part of its lifetime is left.',
    ),
    'karmada-kubeconfig-namespace': flag.string(
      'karmada-system',
      'Namespace in the member of the Secret that holds the kubeconfig of the control plane.',
    ),
    'feature-gates': featureGatesFlag(),
    ...leaderElectionFlags(''),
    ...endpointFlags(':10357'),
    ...profilingFlags,
    'kube-api-qps': kubeApiQps,
    'kube-api-burst': kubeApiBurst,
    ...clusterApiFlags,
    ...rateLimiterFlags,
    ...resyncFlags,
    ...logFlags,
  },
});

const logger = createLogger(name, { v: flags.v, format: flags['logging-format'] });
const clusterName = flags['cluster-name'];

await runComponent(
  async (signal) => {
    setMaxListeners(0, signal);
    const enabled = chooseControllers(flags.controllers, agentControllers);
    assertGatesBuilt(flags['feature-gates']);
    const reportSecrets = checkOptions();
    const health = createHealth();
    const registry = createRegistry();
    const endpoints = await serveEndpoints({
      healthAddress: flags['health-probe-bind-address'],
      metricsAddress: flags['metrics-bind-address'],
      health,
      registry,
      profiling: flags,
    });
    try {
      await run(signal, enabled, reportSecrets, health, registry);
    } finally {
      await endpoints.stop();
    }
  },
  { logger },
);

/** @throws with what is missing or cannot be */
function checkOptions(): ReportedSecret[] {
  if (clusterName === '') throw new Error('--cluster-name is required');
  if (flags['karmada-kubeconfig'] === '') throw new Error('--karmada-kubeconfig is required');
  const reported = flags['report-secrets'];
  if (reported.includes('None')) return [];
  for (const secret of reported)
    if (secret !== 'KubeCredentials' && secret !== 'KubeImpersonator')
      throw new Error(`--report-secrets: invalid secret type ${JSON.stringify(secret)}`);
  return reported as ReportedSecret[];
}

async function run(
  signal: AbortSignal,
  enabled: ReadonlySet<string>,
  reportSecrets: readonly ReportedSecret[],
  health: ReturnType<typeof createHealth>,
  registry: ReturnType<typeof createRegistry>,
): Promise<void> {
  const memberOptions = {
    kubeconfig: flags.kubeconfig,
    master: flags.master,
    userAgent: name,
    qps: flags['cluster-api-qps'],
    burst: flags['cluster-api-burst'],
  };
  const client = createClient(
    createTransport(controlPlaneConnection(flags['karmada-kubeconfig'], flags['karmada-context'] || undefined), {
      userAgent: name,
      qps: flags['kube-api-qps'],
      burst: flags['kube-api-burst'],
    }),
  );
  const { client: member } = connect(memberOptions);
  await waitForServer(client, { logger, signal, why: whyRefused });
  await waitForServer(member, { logger, signal });
  await register(signal, client, member, reportSecrets);

  const informers = createInformerFactory(client, { logger, resyncPeriodMs: flags['resync-period'] });
  const controllers = {
    baseDelay: flags['rate-limiter-base-delay'],
    maxDelay: flags['rate-limiter-max-delay'],
    retryQps: flags['rate-limiter-qps'],
    retryBurst: flags['rate-limiter-bucket-size'],
    logger,
    registry,
  };
  const interpreter = createConfiguredLayers({
    informers,
    onFailure: (about, reason, message) => workSide.recorder('resource-interpreter')(about, 'Warning', reason, message),
  });
  const workSide = createWorkSide({
    client,
    informers,
    cluster: clusterName,
    interpreterLayers: interpreter.layers,
    controllers,
    logger,
  });
  const members = createMemberClusters({
    client,
    informers,
    only: clusterName,
    cacheSyncTimeout: flags['cluster-cache-sync-timeout'],
    logger,
    // Not by what the Cluster says of it: this agent is inside.
    connect: async () => connect(memberOptions).client,
  });
  const serves = (cluster: { readonly metadata: { readonly name?: string } }) => cluster.metadata.name === clusterName;
  const lease = leaseOf(flags);
  const manager = createManager({
    informers: [informers],
    health,
    logger,
    leaderElection: lease && { client, logger, ...lease, name: lease.name || `karmada-agent-${clusterName}` },
  });
  const workOptions = {
    members: createMemberObjects(members),
    serves,
    concurrentWorks: flags['concurrent-work-syncs'],
    reportsStatus: enabled.has('workStatus'),
  };
  const add = (controller: string, runnable: { run(inner: AbortSignal): Promise<void> }): void =>
    manager.add({ name: controller, run: (inner) => runnable.run(inner) });
  if (enabled.has('execution')) {
    add('execution', createExecutionController(workSide, workOptions));
    add('cluster-cascade', createCascadeController({ client, informers, only: clusterName, controllers }));
  }
  if (enabled.has('workStatus')) add('workStatus', createWorkStatusController(workSide, workOptions));
  if (enabled.has('clusterStatus')) {
    add(
      'clusterStatus',
      createClusterStatusController({
        client,
        informers,
        members,
        only: clusterName,
        workers: flags['concurrent-cluster-syncs'],
        statusUpdateFrequency: flags['cluster-status-update-frequency'],
        successThreshold: flags['cluster-success-threshold'],
        failureThreshold: flags['cluster-failure-threshold'],
        resourceModeling: flags['enable-cluster-resource-modeling'],
        events: { event: workSide.recorder('cluster-status-controller') },
        controllers,
        logger,
      }),
    );
    add(
      'lease',
      createLeaseController({
        client,
        clusterName,
        clusters: informers.informer<Cluster>(clusters, onlyCluster(clusterName)),
        durationSeconds: Math.ceil(flags['cluster-lease-duration'] / 1000),
        renewIntervalMs: flags['cluster-lease-duration'] * flags['cluster-lease-renew-interval-fraction'],
        logger,
      }),
    );
  }
  if (enabled.has('certRotation'))
    add(
      'certRotation',
      createCertificateRotation({
        controlPlane: client,
        member,
        secretNamespace: flags['karmada-kubeconfig-namespace'],
        intervalMs: flags['cert-rotation-checking-interval'],
        remainingThreshold: flags['cert-rotation-remaining-time-threshold'],
        logger,
      }),
    );
  try {
    await manager.run(signal);
  } finally {
    await interpreter.close();
    await workSide.flushEvents();
    await members.close();
    await member.close();
    await client.close();
  }
}

/** Until it succeeds: the control plane may not know this agent's rights yet. What cannot be cured by waiting is said each time. */
async function register(
  signal: AbortSignal,
  controlPlane: ReturnType<typeof createClient>,
  member: ReturnType<typeof createClient>,
  reportSecrets: readonly ReportedSecret[],
): Promise<void> {
  for (let delay = 1000; ; delay = Math.min(2 * delay, 30_000)) {
    try {
      await registerSelf({
        clusterName,
        clusterNamespace: flags['cluster-namespace'],
        controlPlane,
        member,
        reportSecrets,
        apiEndpoint: flags['cluster-api-endpoint'],
        proxyServerAddress: flags['proxy-server-address'],
        provider: flags['cluster-provider'],
        region: flags['cluster-region'],
        zones: flags['cluster-zones'],
        logger,
        signal,
      });
      return;
    } catch (error) {
      signal.throwIfAborted();
      logger.error('Could not register the cluster; trying again', { err: describeError(error), retryInMs: delay });
    }
    await systemClock.sleep(delay, signal);
  }
}
