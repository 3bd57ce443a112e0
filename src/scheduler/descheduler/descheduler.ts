/** Takes replicas away from clusters that cannot run them; the scheduler then finds them another place. */
import { type Clock, systemClock } from '../../apimachinery/clock.ts';
import { objectKey } from '../../apimachinery/object.ts';
import { isConflict, isNotFound } from '../../apimachinery/status-error.ts';
import type { Cluster } from '../../apis/cluster/v1alpha1/cluster.ts';
import { eventReason } from '../../apis/constants.ts';
import { clusters as clusterType, resourceBindings } from '../../apis/resource-types.ts';
import type { ObjectReference, ResourceBinding } from '../../apis/work/v1alpha2/resource-binding.ts';
import type { Client } from '../../client/client.ts';
import type { InformerFactory } from '../../client/informer.ts';
import { type Logger, silentLogger } from '../../component/logging.ts';
import type { EventRecorder } from '../../controller/event-recorder.ts';
import type { Runnable } from '../../controller/manager.ts';
import type { EstimatorPool } from '../../estimator/connection-pool.ts';
import type { EstimatorClient } from '../../estimator/estimator-client.ts';
import { templateOf } from '../decision-record.ts';
import { messageOf } from '../errors.ts';
import type { Binding } from '../types.ts';
import { isDeschedulable, loweringText, lowerReplicas, undesiredTargets } from './lower-replicas.ts';

export interface DeschedulerOptions {
  client: Client;
  informers: InformerFactory;
  recorder: EventRecorder;
  estimators: { pool: EstimatorPool; client: EstimatorClient };
  /** Times in ms. */
  interval: number;
  unschedulableThreshold: number;
  logger?: Logger | undefined;
  clock?: Clock | undefined;
}

export interface Descheduler extends Runnable {
  /** One look at one binding. Never rejects. */
  deschedule(binding: Binding): Promise<void>;
}

export function createDescheduler(options: DeschedulerOptions): Descheduler {
  const { informers, recorder, estimators, interval, clock = systemClock } = options;
  const logger = (options.logger ?? silentLogger).child({ controller: 'descheduler' });
  const bindings = informers.informer<ResourceBinding>(resourceBindings);
  const clusters = informers.informer<Cluster>(clusterType);
  const resource = options.client.resource<ResourceBinding>(resourceBindings);
  const event = (binding: Binding, type: 'Normal' | 'Warning', reason: string, message: string): void => {
    recorder.event(binding, type, reason, message);
    recorder.event(templateOf(binding), type, reason, message);
  };
  const connect = async (name: string): Promise<void> => {
    try {
      await estimators.pool.connect(name);
    } catch (error) {
      logger.warn('Could not connect to the estimator', { cluster: name, err: error });
    }
  };

  const deschedule = async (binding: Binding): Promise<void> => {
    if (!isDeschedulable(binding)) return;
    const names = undesiredTargets(binding).map(({ name }) => name);
    if (names.length === 0) return;
    const answers = await estimators.client.unschedulableReplicas(
      names,
      binding.spec.resource as ObjectReference,
      options.unschedulableThreshold,
    );
    const counts = new Map<string, number>();
    for (const [name, answer] of answers) {
      // As for the scheduler, one cluster that does not answer leaves the estimator out for all.
      if (typeof answer !== 'number') {
        logger.warn('Could not ask how many replicas are unschedulable', { key: objectKey(binding), err: answer });
        return;
      }
      counts.set(name, answer);
    }
    const lowering = lowerReplicas(binding, counts);
    if (lowering === undefined) return;
    const { namespace, name = '', resourceVersion } = binding.metadata;
    try {
      const patch = { metadata: { resourceVersion }, spec: { clusters: lowering.targets } };
      await resource.patch({ namespace, name }, 'merge', patch);
      event(binding, 'Normal', eventReason.descheduleBindingSucceed, loweringText(lowering));
    } catch (error) {
      // Somebody changed it meanwhile: the next round looks again.
      if (isConflict(error) || isNotFound(error)) return;
      logger.warn('Failed to deschedule', { key: objectKey(binding), err: error });
      event(binding, 'Warning', eventReason.descheduleBindingFailed, messageOf(error));
    }
  };

  return {
    name: 'descheduler',
    deschedule,
    async run(signal) {
      await Promise.all([bindings.whenSynced(signal), clusters.whenSynced(signal)]);
      await Promise.all(clusters.list().map(({ metadata }) => connect(metadata.name ?? '')));
      const remove = clusters.addHandler({
        added: ({ metadata }) => void connect(metadata.name ?? ''),
        updated: ({ metadata }) => void connect(metadata.name ?? ''),
        deleted: ({ metadata }) => estimators.pool.disconnect(metadata.name ?? ''),
      });
      try {
        while (!signal.aborted) {
          for (const binding of bindings.list()) {
            if (signal.aborted) break;
            await deschedule(binding);
          }
          await clock.sleep(interval, signal);
        }
      } catch (error) {
        if (!signal.aborted) throw error;
      } finally {
        remove();
      }
    },
  };
}
