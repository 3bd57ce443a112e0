/** Quantities as they stand in objects: texts that may not even be quantities before validation has seen them. */
import {
  compareQuantities,
  formatQuantity,
  milliValue,
  quantityOfMilli,
  tryParseQuantity,
  zeroQuantity,
} from '../apimachinery/quantity.ts';

/** The form in which a server gives a quantity back (`1000m` → `1`); a text that is none comes back as it is. */
export function canonicalQuantity(text: string): string {
  const quantity = tryParseQuantity(text);
  return quantity === undefined ? text : formatQuantity(quantity);
}

const known = new Map<string, string>();
const maxKnown = 1000;
const maxKnownLength = 16;

/** An amount of a resource list, canonical and rounded up to a thousandth. The same few stand in most objects. */
export function canonicalAmount(text: string): string {
  let amount = known.get(text);
  if (amount === undefined) {
    amount = roundUpToMilli(canonicalQuantity(text));
    if (known.size >= maxKnown) known.clear();
    if (text.length <= maxKnownLength) known.set(text, amount);
  }
  return amount;
}

/** Rounded up to a thousandth, the finest step of resource lists. */
function roundUpToMilli(text: string): string {
  const quantity = tryParseQuantity(text);
  if (quantity === undefined || quantity.nano % 1_000_000n === 0n) return text;
  return formatQuantity(quantityOfMilli(milliValue(quantity), quantity.format));
}

/** Negative, zero or positive, as in sorting. Texts that are no quantity count as zero. */
export function compareQuantityTexts(a: string, b: string): number {
  return compareQuantities(tryParseQuantity(a) ?? zeroQuantity, tryParseQuantity(b) ?? zeroQuantity);
}
