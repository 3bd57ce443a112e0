/** Which container of a pod is meant by logs, exec and attach. */
import { badRequest } from '../../apimachinery/status-error.ts';
import type { ReadablePod } from './runtime.ts';

/** `asked` may be empty when there is only one. Throws 400. */
export function chooseContainer(pod: ReadablePod, asked: string): string {
  const containers = (pod.spec?.containers ?? []).map(({ name }) => name);
  const init = (pod.spec?.initContainers ?? []).map(({ name }) => name);
  if (asked !== '') {
    if (containers.includes(asked) || init.includes(asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${pod.metadata.name}`);
  }
  const [only, second] = containers;
  if (only !== undefined && second === undefined) return only;
  const choice = `a container name must be specified for pod ${pod.metadata.name}, choose one of: [${containers.join(' ')}]`;
  throw badRequest(init.length === 0 ? choice : `${choice} or one of the init containers: [${init.join(' ')}]`);
}
