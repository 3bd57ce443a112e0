/** What a pod can be told about itself: fieldRef and resourceFieldRef of environment variables and downwardAPI volumes. */
import { parseQuantity, tryParseQuantity } from '../../apimachinery/quantity.ts';
import { ConfigError } from './command-line.ts';
import type { ReadablePod } from './runtime.ts';

/** What does not stand in the pod itself. */
export interface PodFacts {
  podIP: string;
  hostIP: string;
  /** Of its node: the limit of a container that names none. */
  allocatable: Readonly<Record<string, string>>;
}

interface ResourceField {
  readonly containerName?: string;
  readonly resource: string;
  readonly divisor?: string | number;
}

interface DownwardItem {
  readonly fieldRef?: { readonly fieldPath: string };
  readonly resourceFieldRef?: ResourceField;
}

/** Throws ConfigError for paths and resources that there are not. */
export function downwardValue(pod: ReadablePod, item: DownwardItem, facts: PodFacts): string {
  if (item.resourceFieldRef !== undefined) return resourceFieldValue(pod, item.resourceFieldRef, facts);
  return fieldValue(pod, item.fieldRef?.fieldPath ?? '', facts);
}

/** The value of a fieldRef; throws ConfigError for paths that there are not. */
export function fieldValue(pod: ReadablePod, path: string, facts: PodFacts): string {
  const keyed = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path);
  if (keyed !== null) {
    const map = keyed[1] === 'labels' ? pod.metadata.labels : pod.metadata.annotations;
    return map?.[keyed[2] ?? ''] ?? '';
  }
  const lines = (map: Readonly<Record<string, string>> | undefined): string =>
    Object.entries(map ?? {})
      .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
      .sort()
      .join('\n');
  switch (path) {
    case 'metadata.name':
      return pod.metadata.name ?? '';
    case 'metadata.namespace':
      return pod.metadata.namespace ?? '';
    case 'metadata.uid':
      return pod.metadata.uid ?? '';
    case 'metadata.labels':
      return lines(pod.metadata.labels);
    case 'metadata.annotations':
      return lines(pod.metadata.annotations);
    case 'spec.nodeName':
      return pod.spec?.nodeName ?? '';
    case 'spec.serviceAccountName':
      return pod.spec?.serviceAccountName ?? '';
    case 'status.podIP':
    case 'status.podIPs':
      return facts.podIP;
    case 'status.hostIP':
    case 'status.hostIPs':
      return facts.hostIP;
    default:
      throw new ConfigError(`unsupported fieldPath: ${path}`);
  }
}

/** `limits.cpu` and the like in units of the divisor, rounded up. Without a limit of its own a container has the node's. */
export function resourceFieldValue(
  pod: ReadablePod,
  { containerName, resource, divisor }: ResourceField,
  facts: PodFacts,
  container?: string,
): string {
  const name = containerName ?? container;
  const all = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const spec = all.find((candidate) => candidate.name === name);
  if (spec === undefined) throw new ConfigError(`container ${name ?? ''} not found`);
  const [, list, what = ''] = /^(limits|requests)\.(cpu|memory|ephemeral-storage|hugepages-.+)$/.exec(resource) ?? [];
  if (list === undefined) throw new ConfigError(`unsupported container resource : ${resource}`);
  const limit = spec.resources?.limits?.[what] ?? facts.allocatable[what];
  const amount = list === 'limits' ? limit : (spec.resources?.requests?.[what] ?? spec.resources?.limits?.[what]);
  const unit = tryParseQuantity(divisor)?.nano ?? 0n;
  const units = unit > 0n ? unit : 1_000_000_000n;
  return String((parseQuantity(amount ?? '0').nano + units - 1n) / units);
}
