/** Amounts as estimators count them. */
import { milliValue, type Quantity, tryParseQuantity, wholeValue } from '../apimachinery/quantity.ts';
import type { ResourceList } from '../apis/shared.ts';

/** Requested amounts by resource, as `countable` gives them. */
export type Requests = ReadonlyMap<string, bigint>;

/** CPU is counted in thousandths, everything else in whole units. */
export function countable(resource: string, quantity: Quantity): bigint {
  return resource === 'cpu' ? milliValue(quantity) : wholeValue(quantity);
}

/** What is asked for of each resource; nothing asked for is left out. */
export function positiveRequests(list: Readonly<ResourceList> | undefined): Map<string, bigint> {
  const requests = new Map<string, bigint>();
  for (const [resource, text] of Object.entries(list ?? {})) {
    const quantity = tryParseQuantity(text);
    if (quantity !== undefined && quantity.nano > 0n) requests.set(resource, countable(resource, quantity));
  }
  return requests;
}
