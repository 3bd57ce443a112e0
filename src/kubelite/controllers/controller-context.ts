/** What every controller of a cluster is given. */
import type { Clock } from '../../apimachinery/clock.ts';
import type { Client } from '../../client/client.ts';
import type { InformerFactory } from '../../client/informer.ts';
import type { Logger } from '../../component/logging.ts';
import type { WorkLoad } from '../../controller/event-pace.ts';
import type { RecordEvent } from '../events.ts';

export interface ControllerContext {
  /** Caches shared by all parts of the cluster. */
  informers: InformerFactory;
  /** Writes under the controller's own identity. */
  client: Client;
  recordEvent: RecordEvent;
  clock: Clock;
  /** Keys that wait in the queues of pods: while they are many, Events come later and statuses fewer. */
  load: WorkLoad;
  logger: Logger;
}
