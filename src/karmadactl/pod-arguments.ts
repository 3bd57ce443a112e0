/** The pod that is meant by `NAME`, `pod/NAME` or `TYPE/NAME` of what owns pods. */
import type { Unstructured } from '../apimachinery/object.ts';
import { pods } from '../kubernetes/resource-types.ts';
import type { Pod } from '../kubernetes/types.ts';
import type { Target } from './member-access.ts';
import { resolveArguments } from './resource-arguments.ts';

export async function findPod(target: Target, namespace: string, word: string, signal: AbortSignal): Promise<Pod> {
  const resource = target.client.resource<Pod>(pods);
  if (!word.includes('/')) return resource.get({ namespace, name: word }, { signal });
  const items = await podsBehind(target, namespace, word, signal);
  if (items.length === 0) throw new Error(`no pods of ${word} found`);
  return preferredPod(items);
}

/** One that runs, if one does. There is at least one. */
export function preferredPod(items: readonly Pod[]): Pod {
  return items.find((pod) => pod.status?.phase === 'Running') ?? (items[0] as Pod);
}

/** All pods of `TYPE/NAME`, the one of `pod/NAME`. */
export async function podsBehind(target: Target, namespace: string, word: string, signal: AbortSignal): Promise<Pod[]> {
  const resource = target.client.resource<Pod>(pods);
  if (!word.includes('/')) return [await resource.get({ namespace, name: word }, { signal })];
  const [argument] = await resolveArguments(target.client, [word], signal);
  if (argument === undefined) throw new Error(`there is no ${word}`);
  const { type, names } = argument;
  const [name = ''] = names;
  if (type.group === '' && type.resource === 'pods') return [await resource.get({ namespace, name }, { signal })];
  const owner = await target.client.resource<Unstructured>(type).get({ namespace, name }, { signal });
  const labels = selectorOf(owner);
  if (labels === undefined) throw new Error(`cannot attach to *${type.kind}: selector not implemented`);
  return (await resource.list({ namespace, labelSelector: labels, signal })).items;
}

/** `a=b,c=d`; undefined for what selects no pods. */
function selectorOf(owner: Unstructured): string | undefined {
  const selector = (owner['spec'] as { selector?: Record<string, unknown> } | undefined)?.selector;
  if (selector === undefined) return undefined;
  const labels = (selector['matchLabels'] ?? selector) as Record<string, unknown>;
  const pairs = Object.entries(labels).filter(([, value]) => typeof value === 'string');
  return pairs.length === 0 ? undefined : pairs.map(([key, value]) => `${key}=${value}`).join(',');
}

/** The container that is asked for, the one marked as default, or the first. */
export function containerOf(pod: Pod, asked: string): string {
  const marked = pod.metadata.annotations?.['kubectl.kubernetes.io/default-container'];
  return asked || marked || pod.spec?.containers[0]?.name || '';
}
