/**
 * One queue with its own workers per cluster, so that a member that does not answer holds up only its own Works. Queues
 * appear with the first key of a cluster and end when the cluster is forgotten.
 */
import { type Controller, type ControllerOptions, createController } from '../controller/controller.ts';

export interface PerClusterController {
  enqueue(cluster: string, key: string): void;
  /** Ends the cluster's queue; its keys in hand are finished. */
  forget(cluster: string): void;
  /** Works until the signal aborts, then finishes what is in hand. Keys added before are kept. */
  run(signal: AbortSignal): Promise<void>;
}

/** `workers`: keys of one cluster in work at once. */
export function createPerClusterController(options: ControllerOptions): PerClusterController {
  const queues = new Map<string, { controller: Controller; abort: AbortController; done: Promise<void> | undefined }>();
  let life: AbortSignal | undefined;

  const start = (cluster: string): void => {
    const queue = queues.get(cluster);
    if (queue === undefined || life === undefined || queue.done !== undefined) return;
    queue.done = queue.controller.run(AbortSignal.any([life, queue.abort.signal]));
  };

  return {
    enqueue(cluster, key) {
      let queue = queues.get(cluster);
      if (queue === undefined) {
        queue = { controller: createController(options), abort: new AbortController(), done: undefined };
        queues.set(cluster, queue);
        start(cluster);
      }
      queue.controller.enqueue(key);
    },
    forget(cluster) {
      queues.get(cluster)?.abort.abort();
      queues.delete(cluster);
    },
    async run(signal) {
      life = signal;
      for (const cluster of queues.keys()) start(cluster);
      await new Promise<void>((resolve) => {
        if (signal.aborted) return resolve();
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
      await Promise.all([...queues.values()].map((queue) => queue.done));
    },
  };
}
