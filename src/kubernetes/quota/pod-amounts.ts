/** What a Pod asks for and may use as a whole, as schedulers and quotas count it. */
import type { DeepReadonly } from '../../apimachinery/object.ts';
import type { PodSpec } from '../types.ts';
import { type Amounts, addAmounts, amountsOf, raiseAmounts } from './amounts.ts';

type Kind = 'requests' | 'limits';
type List = { readonly [name: string]: unknown } | undefined;
interface Requirements {
  readonly requests?: List;
  readonly limits?: List;
}

/**
 * Containers together, or the largest init container with the sidecars started before it where that is more; sidecars
 * count with the containers. Resources of the Pod itself take the place of the sums; overhead comes on top.
 */
export function podAmounts(spec: DeepReadonly<PodSpec> | undefined, kind: Kind): Amounts {
  const total: Amounts = new Map();
  for (const { resources } of spec?.containers ?? []) addAmounts(total, amountsOf(listOf(resources, kind)));
  const sidecars: Amounts = new Map();
  const peak: Amounts = new Map();
  for (const { resources, restartPolicy } of spec?.initContainers ?? []) {
    const own = amountsOf(listOf(resources, kind));
    if (restartPolicy === 'Always') {
      addAmounts(total, own);
      addAmounts(sidecars, own);
      raiseAmounts(peak, sidecars);
    } else {
      addAmounts(own, sidecars);
      raiseAmounts(peak, own);
    }
  }
  raiseAmounts(total, peak);
  const { resources: whole } = (spec ?? {}) as { readonly resources?: Requirements };
  for (const [name, quantity] of amountsOf(whole?.[kind])) total.set(name, quantity);
  for (const [name, quantity] of amountsOf(spec?.overhead as List))
    if (kind === 'requests' || total.has(name)) addAmounts(total, new Map([[name, quantity]]));
  return total;
}

export function listOf(resources: Requirements | object | undefined, kind: Kind): List {
  return (resources as Requirements | undefined)?.[kind];
}
