/** What every controller of this room is given: the control plane as it can be reached and remembered. */
import type { Clock } from '../apimachinery/clock.ts';
import type { GroupVersionKind, ResourceType } from '../apimachinery/group-version.ts';
import type { DeepReadonly, KubeObject } from '../apimachinery/object.ts';
import type { Client } from '../client/client.ts';
import type { Logger } from '../component/logging.ts';
import type { ControllerOptions } from '../controller/controller.ts';
import type { Interpreter } from '../interpreter/interpreter.ts';
import type { Caches } from './caches.ts';
import type { PropagationMetrics } from './metrics.ts';
import type { OverrideManager } from './override/override-manager.ts';
import type { Templates } from './templates.ts';

/** Emits a Kubernetes Event about an object; never fails and never waits. */
export type RecordEvent = (
  about: DeepReadonly<KubeObject>,
  type: 'Normal' | 'Warning',
  reason: string,
  message: string,
) => void;

export type ControllerDefaults = Pick<
  ControllerOptions,
  'baseDelay' | 'maxDelay' | 'retryQps' | 'retryBurst' | 'load' | 'logger' | 'registry' | 'clock'
>;

/** The kinds that the control plane serves. */
export interface ResourceKinds {
  /** From the last discovery, or from a new one when the kind is not in it. Undefined: the API server does not serve it. */
  find(kind: GroupVersionKind): Promise<ResourceType | undefined>;
}

export interface ControlPlane {
  client: Client;
  caches: Caches;
  templates: Templates;
  kinds: ResourceKinds;
  interpreter: Interpreter;
  overrides: OverrideManager;
  /** Logs, metrics, clock and back-off of every controller. */
  controllers: ControllerDefaults;
  metrics: PropagationMetrics;
  /** A recorder whose Events name that component as their source. */
  recorder(component: string): RecordEvent;
  clock: Clock;
  logger: Logger;
}

/** What carrying Works to members and reporting back needs of it: also in the agent of one cluster. */
export interface WorkSide
  extends Pick<
    ControlPlane,
    'client' | 'kinds' | 'interpreter' | 'controllers' | 'metrics' | 'recorder' | 'clock' | 'logger'
  > {
  /** An agent may not read bindings: Events on them are then left out. */
  caches: Pick<Caches, 'works' | 'clusters'> & Partial<Pick<Caches, 'bindings' | 'clusterBindings'>>;
}
