/** The Events of a pod's life, with the kubelet's texts. */
import type { RecordEvent } from '../events.ts';
import type { ReadablePod } from './runtime.ts';

export interface PodEvents {
  started(pod: ReadablePod, image: string): void;
  killing(pod: ReadablePod, container: string): void;
  killingUnhealthy(pod: ReadablePod, container: string, probe: string): void;
  backOff(pod: ReadablePod, container: string): void;
  unhealthy(pod: ReadablePod, message: string): void;
  failedMount(pod: ReadablePod, message: string): void;
  failed(pod: ReadablePod, message: string): void;
  imageFailed(pod: ReadablePod, image: string, message: string): void;
  imageBackOff(pod: ReadablePod, image: string): void;
}

export function createPodEvents(record: RecordEvent): PodEvents {
  return {
    started(pod, image) {
      record(pod, 'Normal', 'Pulled', `Container image "${image}" already present on machine`);
      record(pod, 'Normal', 'Created', 'Container created');
      record(pod, 'Normal', 'Started', 'Container started');
    },
    killing: (pod, container) => record(pod, 'Normal', 'Killing', `Stopping container ${container}`),
    killingUnhealthy: (pod, container, probe) =>
      record(pod, 'Normal', 'Killing', `Container ${container} failed ${probe} probe, will be restarted`),
    backOff: (pod, container) =>
      record(pod, 'Warning', 'BackOff', `Back-off restarting failed container ${container} in pod ${podLabel(pod)}`),
    unhealthy: (pod, message) => record(pod, 'Warning', 'Unhealthy', message),
    failedMount: (pod, message) => record(pod, 'Warning', 'FailedMount', message),
    failed: (pod, message) => record(pod, 'Warning', 'Failed', `Error: ${message}`),
    imageFailed(pod, image, message) {
      record(pod, 'Normal', 'Pulling', `Pulling image "${image}"`);
      record(pod, 'Warning', 'Failed', `Failed to pull image "${image}": ${message}`);
      record(pod, 'Warning', 'Failed', 'Error: ErrImagePull');
    },
    imageBackOff(pod, image) {
      record(pod, 'Normal', 'BackOff', `Back-off pulling image "${image}"`);
      record(pod, 'Warning', 'Failed', 'Error: ImagePullBackOff');
    },
  };
}

/** `name_namespace(uid)`: how the kubelet names a pod in messages. */
export const podLabel = (pod: ReadablePod): string =>
  `${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`;
