/** karmada-descheduler: takes replicas away from clusters that cannot run them. Flags → options → assemble → run. */
import { waitForServer } from '../client/connect.ts';
import { createInformerFactory } from '../client/informer-factory.ts';
import { featureGatesFlag } from '../component/feature-gates.ts';
import {
  endpointFlags,
  kubeApiFlags,
  leaderElectionFlags,
  leaseOf,
  logFlags,
  profilingFlags,
} from '../component/flag-groups.ts';
import { flag } from '../component/flags.ts';
import { createEventRecorder } from '../controller/event-recorder.ts';
import { createManager } from '../controller/manager.ts';
import { estimatorClientFlags, estimatorFlagProblems, estimatorsOf } from '../estimator/estimator-flags.ts';
import { createDescheduler } from '../scheduler/descheduler/descheduler.ts';
import { assertNoProblems } from '../scheduler/scheduler-options.ts';
import { runProgram } from './programs/run-program.ts';

const name = 'karmada-descheduler';

await runProgram({
  name,
  description: `Asks the scheduler estimators for replicas that member clusters could not place for some time, and takes them away there, so
that karmada-scheduler finds them another cluster. Concerns Deployments whose replicas are divided by room.`,
  examples: `# Look every two minutes for replicas that wait longer than five
    karmada-descheduler --kubeconfig=karmada.config --descheduling-interval=2m --unschedulable-threshold=5m`,
  flags: {
    'descheduling-interval': flag.duration(120_000, 'How long to wait between two rounds.'),
    'unschedulable-threshold': flag.duration(
      300_000,
      'How long a replica must have been unschedulable to be taken away.',
    ),
    ...estimatorClientFlags,
    'feature-gates': featureGatesFlag(),
    ...leaderElectionFlags(name),
    ...endpointFlags(':10358'),
    ...profilingFlags,
    ...kubeApiFlags,
    ...logFlags,
  },
  async run(flags, { signal, logger, health, connect, identity }) {
    assertNoProblems(estimatorFlagProblems(flags));
    const client = connect();
    const recorder = createEventRecorder(client, name, { logger });
    const estimators = estimatorsOf(flags, client, logger);
    try {
      const informers = createInformerFactory(client, { logger });
      const lease = leaseOf(flags);
      const manager = createManager({
        informers: [informers],
        health,
        logger,
        leaderElection: lease && { client, logger, identity, ...lease },
      });
      manager.add(
        createDescheduler({
          client,
          informers,
          recorder,
          estimators,
          interval: flags['descheduling-interval'],
          unschedulableThreshold: flags['unschedulable-threshold'],
          logger,
        }),
      );
      await waitForServer(client, { logger, signal });
      await manager.run(signal);
    } finally {
      estimators.pool.close();
      await recorder.flush();
      await client.close();
    }
  },
});
