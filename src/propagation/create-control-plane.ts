/** Puts together what the controllers of this room share. */
import { type Clock, systemClock } from '../apimachinery/clock.ts';
import type { Cluster } from '../apis/cluster/v1alpha1/cluster.ts';
import { executionSpace } from '../apis/naming.ts';
import { clusters, works } from '../apis/resource-types.ts';
import type { Work } from '../apis/work/v1alpha1/work.ts';
import type { Client } from '../client/client.ts';
import { createDiscovery } from '../client/discovery.ts';
import type { InformerFactory } from '../client/informer.ts';
import { type Logger, silentLogger } from '../component/logging.ts';
import { createEventPace, createWorkLoad, type EventPace } from '../controller/event-pace.ts';
import { createEventRecorder, type EventRecorder } from '../controller/event-recorder.ts';
import { createInterpreter, type InterpreterLayer } from '../interpreter/interpreter.ts';
import { nativeLayer } from '../interpreter/native/native.ts';
import { onlyCluster } from '../members/member-clusters.ts';
import { createCaches } from './caches.ts';
import type { ControllerDefaults, ControlPlane, WorkSide } from './control-plane.ts';
import { createPropagationMetrics } from './metrics.ts';
import { createOverrideManager } from './override/override-manager.ts';
import { createResourceKinds, type DiscoveredKinds } from './resource-kinds.ts';
import { createTemplates } from './templates.ts';

export interface ControlPlaneOptions {
  client: Client;
  /** Sends the Events; one of its own keeps them from using up the request rate of the controllers. Default: client. */
  eventClient?: Client;
  /** Not started yet. */
  informers: InformerFactory;
  /** In the order in which they are asked. Default: the native layer alone. */
  interpreterLayers?: readonly InterpreterLayer[];
  /** Back-off and metrics of the controllers. */
  controllers?: ControllerDefaults;
  clock?: Clock;
  logger?: Logger;
}

/** What the agent of one cluster needs, and may read: its Works and its Cluster. */
export function createWorkSide(
  options: Omit<ControlPlaneOptions, 'eventClient'> & { cluster: string },
): WorkSide & { flushEvents(): Promise<void> } {
  const { client, informers, cluster, clock = systemClock, logger = silentLogger } = options;
  const load = createWorkLoad();
  const caches = {
    works: informers.informer<Work>(works, { namespace: executionSpace(cluster) }),
    clusters: informers.informer<Cluster>(clusters, onlyCluster(cluster)),
  };
  return {
    client,
    caches,
    kinds: createResourceKinds(createDiscovery(client, clock)),
    interpreter: createInterpreter(options.interpreterLayers ?? [nativeLayer]),
    metrics: createPropagationMetrics(options.controllers?.registry),
    controllers: { clock, logger, load, ...options.controllers },
    ...createRecorders(client, { clock, logger, pace: createEventPace(load, { clock }) }),
    clock,
    logger,
  };
}

export interface AssembledControlPlane extends ControlPlane {
  kinds: DiscoveredKinds;
  /** Resolves when the Events recorded so far are sent or dropped. */
  flushEvents(): Promise<void>;
}

export function createControlPlane(options: ControlPlaneOptions): AssembledControlPlane {
  const { client, eventClient = client, informers, clock = systemClock, logger = silentLogger } = options;
  const kinds = createResourceKinds(createDiscovery(client, clock));
  const caches = createCaches(informers);
  const load = createWorkLoad();
  return {
    client,
    caches,
    templates: createTemplates(client, kinds),
    kinds,
    interpreter: createInterpreter(options.interpreterLayers ?? [nativeLayer]),
    overrides: createOverrideManager(caches),
    metrics: createPropagationMetrics(options.controllers?.registry),
    controllers: { clock, logger, load, ...options.controllers },
    ...createRecorders(eventClient, { clock, logger, pace: createEventPace(load, { clock }) }),
    clock,
    logger,
  };
}

/** One recorder a component. */
function createRecorders(client: Client, options: { clock: Clock; logger: Logger; pace: EventPace }) {
  const recorders = new Map<string, EventRecorder>();
  return {
    recorder(component: string): EventRecorder['event'] {
      let recorder = recorders.get(component);
      if (recorder === undefined) {
        recorder = createEventRecorder(client, component, options);
        recorders.set(component, recorder);
      }
      return recorder.event;
    },
    async flushEvents(): Promise<void> {
      await Promise.all([...recorders.values()].map((recorder) => recorder.flush()));
    },
  };
}
