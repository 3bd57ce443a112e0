/** The Events of a pod's life, with the kubelet's texts. */
import type { EventType, RecordEvent } from '../events.ts';
import type { ReadablePod } from './runtime.ts';

/** As far as Events name it. */
interface Container {
  readonly name: string;
  readonly image?: string;
  readonly imagePullPolicy?: string;
}

export interface PodEvents {
  started(pod: ReadablePod, container: Container): void;
  killing(pod: ReadablePod, container: Container): void;
  killingUnhealthy(pod: ReadablePod, container: Container, probe: string): void;
  backOff(pod: ReadablePod, container: Container): void;
  unhealthy(pod: ReadablePod, container: Container, message: string): void;
  imageFailed(pod: ReadablePod, container: Container, message: string): void;
  imageBackOff(pod: ReadablePod, container: Container): void;
  failedMount(pod: ReadablePod, message: string): void;
  failed(pod: ReadablePod, container: Container, message: string): void;
}

export function createPodEvents(record: RecordEvent): PodEvents {
  const tell = (pod: ReadablePod, { name }: Container, type: EventType, reason: string, message: string): void => {
    record(pod, type, reason, message, { ...onNode(pod), ...fieldPathOf(pod, name) });
  };
  return {
    started(pod, container) {
      const image = `"${container.image}"`;
      const pulls = container.imagePullPolicy === 'Always';
      if (pulls) tell(pod, container, 'Normal', 'Pulling', `Pulling image ${image}`);
      const message = pulls
        ? `Successfully pulled image ${image} in 0s (0s including waiting). Image size: 0 bytes.`
        : `Container image ${image} already present on machine and can be accessed by the pod`;
      tell(pod, container, 'Normal', 'Pulled', message);
      tell(pod, container, 'Normal', 'Created', 'Container created');
      tell(pod, container, 'Normal', 'Started', 'Container started');
    },
    killing: (pod, container) => tell(pod, container, 'Normal', 'Killing', `Stopping container ${container.name}`),
    killingUnhealthy(pod, container, probe) {
      const message = `Container ${container.name} failed ${probe} probe, will be restarted`;
      tell(pod, container, 'Normal', 'Killing', message);
    },
    backOff(pod, container) {
      const message = `Back-off restarting failed container ${container.name} in pod ${podLabel(pod)}`;
      tell(pod, container, 'Warning', 'BackOff', message);
    },
    unhealthy: (pod, container, message) => tell(pod, container, 'Warning', 'Unhealthy', message),
    imageFailed(pod, container, message) {
      const { image } = container;
      tell(pod, container, 'Normal', 'Pulling', `Pulling image "${image}"`);
      tell(pod, container, 'Warning', 'Failed', `Failed to pull image "${image}": ${message}`);
      tell(pod, container, 'Warning', 'Failed', 'Error: ErrImagePull');
    },
    imageBackOff(pod, container) {
      tell(pod, container, 'Normal', 'BackOff', `Back-off pulling image "${container.image}"`);
      tell(pod, container, 'Warning', 'Failed', 'Error: ImagePullBackOff');
    },
    failedMount: (pod, message) => record(pod, 'Warning', 'FailedMount', message, onNode(pod)),
    failed: (pod, container, message) => tell(pod, container, 'Warning', 'Failed', `Error: ${message}`),
  };
}

const onNode = ({ spec }: ReadablePod) => (spec?.nodeName === undefined ? {} : { host: spec.nodeName });

function fieldPathOf({ spec }: ReadablePod, name: string): { fieldPath?: string } {
  for (const list of ['containers', 'initContainers', 'ephemeralContainers'] as const)
    if (spec?.[list]?.some((container) => container.name === name) === true)
      return { fieldPath: `spec.${list}{${name}}` };
  return {};
}

/** `name_namespace(uid)`: how the kubelet names a pod in messages. */
export const podLabel = (pod: ReadablePod): string =>
  `${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`;

/** What a container says of itself while it waits for its restart. `pod`: its label. */
export const crashLoopMessage = (pauseMs: number, container: string, pod: string): string =>
  `back-off ${formatSeconds(pauseMs)} restarting failed container=${container} pod=${pod}`;

/** `10s`, `1m20s`, `5m0s`: Go's form of durations. */
function formatSeconds(ms: number): string {
  if (ms < 1000) return `${ms}ms`;
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
