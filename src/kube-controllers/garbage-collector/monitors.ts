/** One metadata watch a resource, feeding the graph; only what the graph needs is kept of an object. */
import type { Clock } from '../../apimachinery/clock.ts';
import { groupResource, type ResourceType } from '../../apimachinery/group-version.ts';
import type { KubeObject } from '../../apimachinery/object.ts';
import type { Client } from '../../client/client.ts';
import type { ApiResource } from '../../client/discovery.ts';
import { reflect } from '../../client/reflector.ts';
import type { Logger } from '../../component/logging.ts';
import type { Graph } from './graph.ts';

/** Events are many, own nothing, and go by themselves. */
const ignored = new Set(['events', 'events.events.k8s.io']);

export interface Monitors {
  /** Starts watches of new resources and ends those of resources that are no more. */
  update(resources: ReadonlyMap<string, ApiResource>, signal: AbortSignal): void;
  /** Names of those whose first list has not come yet. */
  waiting(): string[];
  /** Resolves when the first list of every resource that is watched now has come. */
  whenSynced(): Promise<void>;
}

export interface MonitorOptions {
  client: Client;
  graph: Graph;
  look: (uids: readonly string[]) => void;
  clock: Clock;
  logger: Logger;
}

interface Monitor {
  type: ResourceType;
  controller: AbortController;
  synced: Promise<void>;
  isSynced: boolean;
}

export function createMonitors({ client, graph, look, clock, logger }: MonitorOptions): Monitors {
  const monitors = new Map<string, Monitor>();

  function start(name: string, type: ResourceType, signal: AbortSignal): Monitor {
    const controller = new AbortController();
    const stopped = AbortSignal.any([signal, controller.signal]);
    /** `namespace/name` → uid of what this watch has shown. */
    const known = new Map<string, string>();
    let finish = (): void => undefined;
    const monitor: Monitor = {
      type,
      controller,
      isSynced: false,
      synced: new Promise((resolve) => {
        finish = resolve;
      }),
    };
    const observe = (object: KubeObject): void => {
      const key = `${object.metadata.namespace ?? ''}/${object.metadata.name}`;
      const before = known.get(key);
      const uid = object.metadata.uid ?? '';
      if (before !== undefined && before !== uid) look(graph.remove(before));
      known.set(key, uid);
      look(graph.observe(type, object));
    };
    const target = {
      replace(objects: KubeObject[]): void {
        const present = new Set(objects.map((object) => object.metadata.uid));
        for (const [key, uid] of known)
          if (!present.has(uid)) {
            known.delete(key);
            look(graph.remove(uid));
          }
        for (const object of objects) observe(object);
        monitor.isSynced = true;
        finish();
      },
      changed(change: 'ADDED' | 'MODIFIED' | 'DELETED', object: KubeObject): void {
        if (change === 'DELETED') {
          known.delete(`${object.metadata.namespace ?? ''}/${object.metadata.name}`);
          look(graph.remove(object.metadata.uid ?? ''));
        } else observe(object);
      },
    };
    const options = { clock, logger, baseDelay: 200, maxDelay: 10_000 };
    void reflect<KubeObject>(client, type, { metadataOnly: true }, target, options, stopped)
      .catch((error) => {
        if (!stopped.aborted) logger.error('A watch ended', { resource: groupResource(type), err: error });
      })
      .finally(() => {
        finish();
        // The resource is no more. Its objects most likely are not either, but that is for the server to say.
        if (controller.signal.aborted && !signal.aborted && !monitors.has(name))
          for (const uid of known.values()) look(graph.forget(uid));
      });
    return monitor;
  }

  return {
    update(resources, signal) {
      for (const [name, monitor] of monitors) {
        const resource = resources.get(name);
        if (resource?.version === monitor.type.version && resource.kind === monitor.type.kind) continue;
        monitor.controller.abort();
        monitors.delete(name);
      }
      for (const [name, resource] of resources)
        if (!monitors.has(name) && !ignored.has(name)) monitors.set(name, start(name, resource, signal));
    },
    waiting: () => [...monitors].filter(([, monitor]) => !monitor.isSynced).map(([name]) => name),
    async whenSynced() {
      await Promise.all([...monitors.values()].map((monitor) => monitor.synced));
    },
  };
}
