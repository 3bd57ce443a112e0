/** Amounts as estimators count them. */
import { milliValue, type Quantity, wholeValue } from '../../apimachinery/quantity.ts';

/** Requested amounts by resource, as `countable` gives them. */
export type Requests = ReadonlyMap<string, bigint>;

/** CPU is counted in thousandths, everything else in whole units. */
export function countable(resource: string, quantity: Quantity): bigint {
  return resource === 'cpu' ? milliValue(quantity) : wholeValue(quantity);
}
