/** How parts of a cluster tell users what happened: core Events, written in the background. */
import type { DeepReadonly, KubeObject } from '../apimachinery/object.ts';
import type { EventAbout } from '../controller/event-recorder.ts';

export type EventType = 'Normal' | 'Warning';

/** Never fails and never waits: Events must not slow the work. */
export type RecordEvent = (
  object: DeepReadonly<KubeObject>,
  type: EventType,
  reason: string,
  message: string,
  about?: EventAbout,
) => void;
