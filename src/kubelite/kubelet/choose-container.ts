/** Which container of a pod is meant by logs, exec and attach. */
import { badRequest } from '../../apimachinery/status-error.ts';
import type { ReadablePod } from './runtime.ts';

/** `asked` may be empty when there is only one. Throws 400. */
export function chooseContainer(pod: ReadablePod, asked: string): string {
  const containers = (pod.spec?.containers ?? []).map(({ name }) => name);
  const init = (pod.spec?.initContainers ?? []).map(({ name }) => name);
  const ephemeral = (pod.spec?.ephemeralContainers ?? []).map(({ name }) => name);
  if (asked !== '') {
    if ([...containers, ...init, ...ephemeral].includes(asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${pod.metadata.name}`);
  }
  const [only, second] = containers;
  if (only !== undefined && second === undefined) return only;
  const choice = `a container name must be specified for pod ${pod.metadata.name}, choose one of: [${containers.join(' ')}]`;
  throw badRequest(init.length === 0 ? choice : `${choice} or one of the init containers: [${init.join(' ')}]`);
}

type ContainerStatus = NonNullable<NonNullable<ReadablePod['status']>['containerStatuses']>[number];

/** Of a container of any sort. */
export function findContainerStatus({ status }: ReadablePod, container: string): ContainerStatus | undefined {
  const all = [
    ...(status?.containerStatuses ?? []),
    ...(status?.initContainerStatuses ?? []),
    ...((status?.ephemeralContainerStatuses ?? []) as readonly ContainerStatus[]),
  ];
  return all.find(({ name }) => name === container);
}
