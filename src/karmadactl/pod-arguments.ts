/** The pod that is meant by `NAME`, `pod/NAME` or `TYPE/NAME` of what owns pods. */
import { formatSelectorObject, type LabelSelector } from '../apimachinery/label-selector.ts';
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

/** All pods of `TYPE/NAME`, the one of `pod/NAME`. @throws with kubectl's text for kinds that select none: "cannot `doing` …" */
export async function podsBehind(
  target: Target,
  namespace: string,
  word: string,
  signal: AbortSignal,
  doing: 'attach to' | 'get the logs from' = 'attach to',
): Promise<Pod[]> {
  const resource = target.client.resource<Pod>(pods);
  if (!word.includes('/')) return [await resource.get({ namespace, name: word }, { signal })];
  const [argument] = await resolveArguments(target.client, [word], signal);
  if (argument === undefined) throw new Error(`there is no ${word}`);
  const { type, names } = argument;
  const [name = ''] = names;
  if (type.group === '' && type.resource === 'pods') return [await resource.get({ namespace, name }, { signal })];
  const owner = await target.client.resource<Unstructured>(type).get({ namespace, name }, { signal });
  const labels = selectorOf(owner);
  if (labels === undefined) {
    const goType = `*${type.version}.${type.kind}`;
    throw new Error(`cannot ${doing} ${goType}: selector for ${goType} not implemented`);
  }
  return (await resource.list({ namespace, labelSelector: labels, signal })).items;
}

/** `a=b,c in (d)`; undefined for what selects no pods. */
function selectorOf(owner: Unstructured): string | undefined {
  const { selector } = (owner['spec'] ?? {}) as { selector?: LabelSelector | Record<string, string> };
  if (selector === undefined) return undefined;
  const isPlain = Object.values(selector).every((value) => typeof value === 'string');
  const text = formatSelectorObject((isPlain ? { matchLabels: selector } : selector) as LabelSelector);
  return text === '' ? undefined : text;
}

/** The container that is asked for, the one marked as default, or the first. */
export function containerOf(pod: Pod, asked: string): string {
  const marked = pod.metadata.annotations?.['kubectl.kubernetes.io/default-container'];
  return asked || marked || pod.spec?.containers[0]?.name || '';
}
