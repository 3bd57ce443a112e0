/** Wires the collector: watches of all resources feed the graph, the graph says what to look at. Key: uid. */
import { systemClock } from '../../apimachinery/clock.ts';
import { apiVersionOf } from '../../apimachinery/group-version.ts';
import { silentLogger } from '../../component/logging.ts';
import { createController } from '../../controller/controller.ts';
import { createEventRecorder } from '../../controller/event-recorder.ts';
import type { Runnable } from '../../controller/manager.ts';
import type { DeletableResources } from '../deletable-resources.ts';
import type { ControllerDependencies } from '../kube-controllers.ts';
import { createGraph } from './graph.ts';
import { createMonitors } from './monitors.ts';
import { type ReconcileContext, reconcileNode } from './reconcile.ts';

/** An owner is often created a moment before its dependent and seen a moment after it. */
const unseenDelayMs = 250;
/** A resource whose list never comes must not stop the collection of all others. */
const initialSyncMs = 30_000;

export function createGarbageCollector(
  dependencies: ControllerDependencies & { resources: DeletableResources },
): Runnable {
  const { client, resources, clock = systemClock, logger = silentLogger, registry } = dependencies;
  const name = 'garbage-collector-controller';
  const events = createEventRecorder(client, 'garbage-collector-controller', { clock, logger });
  const graph = createGraph();
  const controller = createController({
    name,
    workers: 20,
    maxDelay: 60_000,
    logger,
    registry,
    clock,
    reconcile: (uid, signal) => reconcileNode(context, uid, signal),
  });
  const look = (uids: readonly string[]): void => {
    for (const uid of uids) {
      const isUnseen = graph.get(uid)?.seen === false;
      controller.enqueue(uid, isUnseen ? { afterMs: unseenDelayMs } : {});
    }
  };
  const context: ReconcileContext = {
    client,
    graph,
    look,
    typeOf: (gvk) => resources.typeOf(gvk),
    reportInvalidNamespace(dependent, reference) {
      if (dependent.type === undefined) return;
      const { uid, name: dependentName, namespace } = dependent;
      const metadata = { name: dependentName, uid, ...(namespace ? { namespace } : {}) };
      events.event(
        { apiVersion: apiVersionOf(dependent.type), kind: dependent.type.kind, metadata },
        'Warning',
        'OwnerRefInvalidNamespace',
        `ownerRef [${reference.apiVersion}/${reference.kind}, namespace: ${namespace}, name: ${reference.name}, uid: ${reference.uid}] does not exist in namespace ${JSON.stringify(namespace)}`,
      );
    },
  };
  const monitors = createMonitors({ client, graph, look, clock, logger: logger.child({ controller: name }) });

  return {
    name,
    async run(signal) {
      const first = new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => resolve(), { once: true });
        resources.onChange((found) => {
          if (!signal.aborted) monitors.update(found, signal);
          resolve();
        });
      });
      await first;
      const stopWaiting = new AbortController();
      await Promise.race([
        monitors.whenSynced(),
        clock.sleep(initialSyncMs, AbortSignal.any([signal, stopWaiting.signal])).catch(() => undefined),
      ]);
      stopWaiting.abort();
      const waiting = monitors.waiting();
      if (waiting.length > 0 && !signal.aborted)
        logger.warn('Collecting without some resources', { resources: waiting });
      await controller.run(signal);
      await events.flush(500);
    },
  };
}
