/**
 * The accurate estimators of member clusters as one estimator of a run. They are asked before the run, so that the run itself stays
 * a function: of all clusters that any of its affinity terms may come to.
 */
import { objectKey } from '../../apimachinery/object.ts';
import { type Logger, silentLogger } from '../../component/logging.ts';
import type { Answers, AssumedBy, EstimatorClient } from '../../estimator/estimator-client.ts';
import { termsToTry } from '../placement/affinity-groups.ts';
import { feasibleClusters, type RunOptions } from '../run.ts';
import { type Binding, type Cluster, isRescheduleRequested, placesComponentSets } from '../types.ts';
import { type Estimator, hasPods } from './estimate.ts';

export interface RemoteEstimator {
  /** Undefined when there is nothing to ask. Never rejects: what fails is part of the answer. */
  ask(binding: Binding, clusters: readonly Cluster[], run: RunOptions): Promise<Estimator | undefined>;
}

export interface RemoteEstimatorOptions {
  client: EstimatorClient;
  /** As of --disable-scheduler-estimator-in-pull-mode: such clusters are not asked, and nothing is known of them. */
  skipPullMode: boolean;
  assumed?: AssumedBy | undefined;
  logger?: Logger | undefined;
}

const unknown = -1;

export function createRemoteEstimator(options: RemoteEstimatorOptions): RemoteEstimator {
  const { client, skipPullMode, assumed, logger = silentLogger } = options;
  return {
    async ask(binding, clusters, run) {
      const { spec } = binding;
      if (!hasPods(spec)) return undefined;
      const names = new Set<string>();
      for (const affinityName of termsToTry(binding, isRescheduleRequested(binding)))
        for (const cluster of feasibleClusters({ spec, affinityName, fresh: false }, clusters, run))
          if (!skipPullMode || cluster.spec.syncMode !== 'Pull') names.add(cluster.metadata.name ?? '');
      const sets = run.multipleTemplates === true && placesComponentSets(spec);
      const answers = await (sets
        ? client.maxSets([...names], spec, assumed)
        : client.maxReplicas([...names], spec, assumed));
      const failure = [...answers.values()].find((answer) => typeof answer !== 'number');
      if (failure !== undefined)
        logger.warn('Scheduler estimators are left out of a decision', { key: objectKey(binding), err: failure });
      return answeredEstimator(answers);
    },
  };
}

/** One cluster without an answer leaves the estimator out of the run. */
function answeredEstimator(answers: Answers): Estimator {
  const answerOf = (cluster: Cluster): number => {
    const answer = answers.get(cluster.metadata.name ?? '') ?? unknown;
    if (typeof answer === 'number') return answer;
    throw answer;
  };
  return { name: 'scheduler-estimator', maxReplicas: answerOf, maxSets: answerOf };
}
