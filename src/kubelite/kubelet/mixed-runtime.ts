/** Pods of this project's own components run as processes, all others are simulated: what a member with an agent needs. */
import { executableOf } from './executables.ts';
import type { PodRuntime, ReadablePod } from './runtime.ts';

export function createMixedRuntime(simulated: PodRuntime, processes: PodRuntime): PodRuntime {
  const runtimeOf = (pod: ReadablePod): PodRuntime => (isOfComponents(pod) ? processes : simulated);
  return {
    version: simulated.version,
    sync: (pod) => runtimeOf(pod).sync(pod),
    stop: (pod, graceSeconds) => runtimeOf(pod).stop(pod, graceSeconds),
    async remove(uid) {
      await Promise.all([simulated.remove(uid), processes.remove(uid)]);
    },
    logs: (pod, request) => runtimeOf(pod).logs(pod, request),
    exec: (pod, container, command, streams) => runtimeOf(pod).exec(pod, container, command, streams),
    async attach(pod, container, streams) {
      await runtimeOf(pod).attach?.(pod, container, streams);
    },
    dial: (pod, port) => runtimeOf(pod).dial(pod, port),
    usage: (pod) => runtimeOf(pod).usage(pod),
    async close() {
      await Promise.all([simulated.close(), processes.close()]);
    },
  };
}

/** Every container names one of our executables. */
function isOfComponents({ spec }: ReadablePod): boolean {
  const containers = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  return containers.length > 0 && containers.every((container) => executableOf(container) !== undefined);
}
