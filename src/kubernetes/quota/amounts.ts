/** Amounts of named resources, exact: what pods ask for, what a quota allows. */
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  type Quantity,
  subtractQuantities,
  tryParseQuantity,
} from '../../apimachinery/quantity.ts';

export type Amounts = Map<string, Quantity>;
export type ReadonlyAmounts = ReadonlyMap<string, Quantity>;

/** A resource list of an object; what is no quantity is left out. */
export function amountsOf(list: { readonly [name: string]: unknown } | undefined): Amounts {
  const amounts: Amounts = new Map();
  for (const [name, text] of Object.entries(list ?? {})) {
    const quantity = tryParseQuantity(text);
    if (quantity !== undefined) amounts.set(name, quantity);
  }
  return amounts;
}

export function toResourceList(amounts: ReadonlyAmounts): { [name: string]: string } {
  return Object.fromEntries(sorted(amounts).map(([name, quantity]) => [name, formatQuantity(quantity)]));
}

export function addAmounts(total: Amounts, more: ReadonlyAmounts): void {
  for (const [name, quantity] of more) {
    const present = total.get(name);
    total.set(name, present === undefined ? quantity : addQuantities(present, quantity));
  }
}

/** Each amount at least as large as in `least`. */
export function raiseAmounts(total: Amounts, least: ReadonlyAmounts): void {
  for (const [name, quantity] of least) {
    const present = total.get(name);
    if (present === undefined || compareQuantities(present, quantity) < 0) total.set(name, quantity);
  }
}

/** What `amounts` has more than `before`; nothing where it has less. */
export function growth(amounts: ReadonlyAmounts, before: ReadonlyAmounts): Amounts {
  const result: Amounts = new Map();
  for (const [name, quantity] of amounts) {
    const old = before.get(name);
    const more = old === undefined ? quantity : subtractQuantities(quantity, old);
    if (more.nano > 0n) result.set(name, more);
  }
  return result;
}

export function masked(amounts: ReadonlyAmounts, names: { has(name: string): boolean }): Amounts {
  return new Map([...amounts].filter(([name]) => names.has(name)));
}

/** `cpu=1,pods=2`, by name. */
export const amountsText = (amounts: ReadonlyAmounts): string =>
  sorted(amounts)
    .map(([name, quantity]) => `${name}=${formatQuantity(quantity)}`)
    .join(',');

const sorted = (amounts: ReadonlyAmounts): [string, Quantity][] =>
  [...amounts].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
