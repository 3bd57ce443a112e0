/** What pods ask of a node and what a node offers, in plain numbers. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import { milliValue, parseQuantity, wholeValue } from '../../apimachinery/quantity.ts';
import type { Node, Pod } from '../../kubernetes/types.ts';

/** Resource name → amount: cpu in thousandths, everything else in units. `pods` counts pods. */
export type Amounts = ReadonlyMap<string, number>;

type ResourceList = Readonly<Record<string, unknown>> | undefined;

function amountsOf(list: ResourceList): Map<string, number> {
  const amounts = new Map<string, number>();
  for (const [name, text] of Object.entries(list ?? {})) {
    const quantity = parseQuantity(String(text));
    amounts.set(name, Number(name === 'cpu' ? milliValue(quantity) : wholeValue(quantity)));
  }
  return amounts;
}

function add(total: Map<string, number>, more: Amounts): void {
  for (const [name, amount] of more) total.set(name, (total.get(name) ?? 0) + amount);
}

function raise(total: Map<string, number>, least: Amounts): void {
  for (const [name, amount] of least) total.set(name, Math.max(total.get(name) ?? 0, amount));
}

/** Containers together, or the largest init container where that is more; sidecars count with the containers. */
export function podRequests(pod: DeepReadonly<Pod>): Amounts {
  const total = new Map<string, number>();
  for (const container of pod.spec?.containers ?? [])
    add(total, amountsOf(container.resources?.requests as ResourceList));
  const sidecars = new Map<string, number>();
  const initPeak = new Map<string, number>();
  for (const container of pod.spec?.initContainers ?? []) {
    const own = amountsOf(container.resources?.requests as ResourceList);
    if (container.restartPolicy === 'Always') {
      add(sidecars, own);
      add(total, own);
    } else {
      const peak = new Map(own);
      add(peak, sidecars);
      raise(initPeak, peak);
    }
  }
  raise(total, initPeak);
  add(total, amountsOf(pod.spec?.overhead as ResourceList));
  total.set('pods', 1);
  return total;
}

export function allocatable(node: DeepReadonly<Node>): Amounts {
  return amountsOf((node.status?.allocatable ?? node.status?.capacity) as ResourceList);
}
