/** How functions are declared: one line with their types, and what they do. */
import { type CelType, parseType, splitTop } from './types.ts';
import type { Value } from './values.ts';

export interface Overload {
  name: string;
  method: boolean;
  /** The receiver of a method is the first. */
  params: readonly CelType[];
  result: CelType;
  /** From the sizes of the arguments (characters, elements; 1 for the rest). Estimated and real costs come from here. */
  cost(sizes: readonly number[]): number;
  /** Throws CelError. `spend` is for work that the sizes do not tell. */
  run(args: Value[], spend: (cost: number) => void): Value;
}

export type FunctionTable = Map<string, Overload[]>;

type Run = (args: never, spend: (cost: number) => void) => Value;

/** `size(string): int`, or `string::contains(string): bool` for a method. Default cost: 1. */
export function declare(signature: string, run: Run, cost: Overload['cost'] = one): Overload {
  const [, receiver, name = '', params = '', result = ''] =
    /^(?:(.+)::)?([^(\s]+)\((.*)\): (.+)$/.exec(signature) ?? [];
  return {
    name,
    method: receiver !== undefined,
    params: [...(receiver === undefined ? [] : [receiver]), ...splitTop(params)].map(parseType),
    result: parseType(result),
    cost,
    run: run as Overload['run'],
  };
}

export function tableOf(...groups: readonly (readonly Overload[])[]): FunctionTable {
  const table: FunctionTable = new Map();
  for (const overload of groups.flat()) {
    const known = table.get(overload.name);
    if (known === undefined) table.set(overload.name, [overload]);
    else known.push(overload);
  }
  return table;
}

const one = (): number => 1;
/** A string is gone through once. */
export const traversal = (sizes: readonly number[]): number => 1 + (sizes[0] ?? 0) * 0.1;
/** A list is gone through once. */
export const elements = (sizes: readonly number[]): number => 1 + (sizes[0] ?? 0);
/** Everything is gone through once: joining, comparing, replacing. */
export const total = (sizes: readonly number[]): number => 1 + sizes.reduce((sum, size) => sum + size, 0) * 0.1;
/** Each of one against each of the other. */
export const product = (sizes: readonly number[]): number => 1 + (sizes[0] ?? 1) * (sizes[1] ?? 1);
/** A text against a pattern. */
export const regexCost = (sizes: readonly number[]): number =>
  1 + Math.max(1, (sizes[0] ?? 0) * 0.1) * Math.max(1, (sizes[1] ?? 0) * 0.25);
/** A text searched for another. */
export const searchCost = (sizes: readonly number[]): number =>
  1 + Math.max(1, (sizes[0] ?? 0) * 0.1) * Math.max(1, (sizes[1] ?? 0) * 0.1);
