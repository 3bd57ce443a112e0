/** Deletes pods that nobody else will: of nodes that are gone, and finished ones beyond a limit. Looks every 20 s. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { isNotFound } from '../../apimachinery/status-error.ts';
import type { Runnable } from '../../controller/manager.ts';
import { nodes as nodeType, pods as podType } from '../../kubernetes/resource-types.ts';
import type { Node, Pod } from '../../kubernetes/types.ts';
import type { ControllerContext } from './controller-context.ts';
import { isPodFinished } from './pod-readiness.ts';
import { nodeIndex, nodeNames } from './pods-of-node.ts';

const periodMs = 20_000;
/** A node that is missing might only be late in the cache. */
const quarantineMs = 40_000;
const finishedLimit = 12_500;

/** Must be called before the informers start. */
export function createPodGarbageCollector(context: ControllerContext): Runnable {
  const { informers, client, clock, logger } = context;
  const pods = informers.informer<Pod>(podType);
  const nodes = informers.informer<Node>(nodeType);
  const podClient = client.resource<Pod>(podType);
  pods.addIndex(nodeIndex, nodeNames);
  const missingSince = new Map<string, number>();

  async function remove(pod: DeepReadonly<Pod>): Promise<void> {
    const { namespace, name = '', uid = '' } = pod.metadata;
    try {
      await podClient.delete({ namespace, name }, { gracePeriodSeconds: 0, preconditions: { uid } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  async function collect(): Promise<void> {
    const all = pods.list();
    const used = new Set(all.map((pod) => pod.spec?.nodeName ?? ''));
    for (const name of used) {
      if (name === '' || nodes.get(name) !== undefined) missingSince.delete(name);
      else if (!missingSince.has(name)) missingSince.set(name, clock.now());
    }
    for (const [name, since] of missingSince) {
      if (!used.has(name)) missingSince.delete(name);
      else if (since + quarantineMs <= clock.now()) for (const pod of pods.byIndex(nodeIndex, name)) await remove(pod);
    }
    const finished = all.filter((pod) => isPodFinished(pod) && pod.metadata.deletionTimestamp === undefined);
    if (finished.length <= finishedLimit) return;
    const oldest = finished.sort((a, b) =>
      String(a.metadata.creationTimestamp).localeCompare(String(b.metadata.creationTimestamp)),
    );
    for (const pod of oldest.slice(0, finished.length - finishedLimit)) await remove(pod);
  }

  return {
    name: 'pod-garbage-collector',
    async run(signal) {
      while (!signal.aborted) {
        try {
          await clock.sleep(periodMs, signal);
        } catch {
          return;
        }
        await collect().catch((error) => logger.warn('Collecting pods failed', { err: error }));
      }
    },
  };
}
