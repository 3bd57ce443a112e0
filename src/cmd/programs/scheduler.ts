/** karmada-scheduler: which clusters each binding goes to. */
import { waitForServer } from '../../client/connect.ts';
import { createInformerFactory } from '../../client/informer-factory.ts';
import { featureGatesFlag } from '../../component/feature-gates.ts';
import {
  endpointFlags,
  kubeApiFlags,
  leaderElectionFlags,
  leaseOf,
  logFlags,
  profilingFlags,
  rateLimiterFlags,
} from '../../component/flag-groups.ts';
import { flag } from '../../component/flags.ts';
import { createEventPace } from '../../controller/event-pace.ts';
import { createEventRecorder } from '../../controller/event-recorder.ts';
import { createManager } from '../../controller/manager.ts';
import { estimatorClientFlags, estimatorFlagProblems, estimatorsOf } from '../../estimator/estimator-flags.ts';
import { loadPluginModules } from '../../scheduler/framework/plugin-modules.ts';
import { pluginsOf } from '../../scheduler/plugins/registry.ts';
import { createScheduler } from '../../scheduler/scheduler.ts';
import { assertNoProblems, readKeyPair, schedulerNameProblems } from '../../scheduler/scheduler-options.ts';
import { type DecisionsServer, serveDecisions } from '../../scheduler/why/decisions-server.ts';
import type { Program } from './program.ts';

const name = 'karmada-scheduler';

export const schedulerFlags = {
  'scheduler-name': flag.string(
    'default-scheduler',
    'Only bindings whose spec.schedulerName is this name are scheduled. Also the source of Events.',
  ),
  plugins: flag.list(
    ['*'],
    "Plugins to enable: '*' enables all, 'foo' only the plugin foo, '*,-foo' all but foo. There are: APIEnablement, ClusterAffinity, ClusterEviction, ClusterLocality, SpreadConstraint, TaintToleration, those of --plugin-modules, and with the feature gate WorkloadAffinity also WorkloadAffinity and WorkloadAntiAffinity.",
  ),
  'plugin-modules': flag.list(
    [],
    'ES modules with plugins of your own: each exports an array "plugins" of objects with a name and the functions filter, score or normalizeScore.',
  ),
  'enable-empty-workload-propagation': flag.bool(
    false,
    'Also send a workload to the selected clusters that got no replicas of it.',
  ),
  'enable-scheduler-estimator': flag.bool(
    false,
    'Ask the scheduler estimators of member clusters how many replicas fit, beside what the clusters report.',
  ),
  'disable-scheduler-estimator-in-pull-mode': flag.bool(
    false,
    'Do not ask the scheduler estimators of clusters in pull mode; only with --enable-scheduler-estimator.',
  ),
  ...estimatorClientFlags,
  'decisions-bind-address': flag.string(
    '0',
    'The TCP address (:10359, 127.0.0.1:10359) to tell over TLS why bindings were placed as they were: GET /decisions/NAMESPACE/NAME with a bearer token whose user may get resourcebindings/decision. "0" disables it; port 0 picks a free one.',
  ),
  'decisions-tls-cert-file': flag.string(
    '',
    'Certificate (PEM) for --decisions-bind-address. Empty: a self-signed one, made at start.',
  ),
  'decisions-tls-private-key-file': flag.string('', 'The key (PEM) of --decisions-tls-cert-file.'),
  'feature-gates': featureGatesFlag(),
  ...leaderElectionFlags(name),
  ...endpointFlags(':10351'),
  ...profilingFlags,
  ...kubeApiFlags,
  ...rateLimiterFlags,
  ...logFlags,
};

export const scheduler: Program<typeof schedulerFlags, typeof name> = {
  name,
  description: `Chooses the member clusters of every ResourceBinding and ClusterResourceBinding of a Karmada control plane, and how many
replicas each of them gets.`,
  examples: `# Run against the control plane of a kubeconfig
    karmada-scheduler --kubeconfig=karmada.config
    # As a second scheduler, for the policies that name it, without the taint filter
    karmada-scheduler --kubeconfig=karmada.config --scheduler-name=mine --leader-elect-resource-name=mine --plugins='*,-TaintToleration'`,
  flags: schedulerFlags,
  async run(flags, { signal, logger, health, registry, connect, identity }) {
    const gates = flags['feature-gates'];
    const schedulerName = flags['scheduler-name'];
    assertNoProblems([...estimatorFlagProblems(flags), ...schedulerNameProblems(schedulerName)]);
    const ownPlugins = await loadPluginModules(flags['plugin-modules'], pluginsOf(gates));
    const client = connect();
    const estimators = flags['enable-scheduler-estimator'] ? estimatorsOf(flags, client, logger) : undefined;
    let decisions: DecisionsServer | undefined;
    // Two for each binding: they must not keep the API server from what follows on the scheduling.
    const pace = createEventPace({ waiting: () => Number.POSITIVE_INFINITY }, { perSecond: 100, burst: 100 });
    const recorder = createEventRecorder(client, schedulerName, { logger, pace });
    try {
      const informers = createInformerFactory(client, { logger });
      const scheduler = createScheduler({
        client,
        informers,
        recorder,
        schedulerName,
        gates,
        plugins: flags.plugins,
        ownPlugins,
        accurate: estimators && { ...estimators, skipPullMode: flags['disable-scheduler-estimator-in-pull-mode'] },
        propagateEmptyWorkloads: flags['enable-empty-workload-propagation'],
        rateLimiter: {
          baseDelay: flags['rate-limiter-base-delay'],
          maxDelay: flags['rate-limiter-max-delay'],
          qps: flags['rate-limiter-qps'],
          bucketSize: flags['rate-limiter-bucket-size'],
        },
        logger,
        registry,
      });
      const lease = leaseOf(flags);
      const manager = createManager({
        informers: [informers],
        health,
        logger,
        leaderElection: lease && { client, logger, identity, ...lease },
      });
      manager.add(scheduler);
      decisions = await serveDecisions({
        address: flags['decisions-bind-address'],
        serving: readKeyPair(flags['decisions-tls-cert-file'], flags['decisions-tls-private-key-file']),
        client,
        explain: (key) => scheduler.explain(key),
        logger,
      });
      await waitForServer(client, { logger, signal });
      await manager.run(signal);
    } finally {
      await decisions?.stop();
      estimators?.pool.close();
      await recorder.flush();
      await client.close();
    }
  },
};
