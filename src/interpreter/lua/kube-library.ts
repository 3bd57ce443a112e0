/** `require("kube")`: what scripts share with the native layer. */
import { addQuantities, formatQuantity, parseQuantity, zeroQuantity } from '../../apimachinery/quantity.ts';
import { fieldsAt } from '../native/kind-interpreter.ts';
import { podDependencies } from '../native/pod-dependencies.ts';
import { podRequirements } from '../native/pod-requirements.ts';
import type { LibraryFunction } from './prelude.ts';

export const kubeFunctions: Readonly<Record<string, LibraryFunction>> = {
  resourceAdd(args) {
    let sum = zeroQuantity;
    for (const [i, arg] of args.entries())
      if (arg !== undefined)
        sum = i === 0 ? parseQuantity(textOf(arg, i)) : addQuantities(sum, parseQuantity(textOf(arg, i)));
    return formatQuantity(sum);
  },
  accuratePodRequirements(args) {
    expectCount(args, 1);
    return podRequirements(fieldsAt(args[0]));
  },
  getPodDependencies(args) {
    expectCount(args, 2);
    const namespace = args[1] === undefined ? 'default' : textOf(args[1], 1);
    return podDependencies(fieldsAt(args[0], 'spec'), namespace === '' ? 'default' : namespace);
  },
  getResourceQuantity(args) {
    expectCount(args, 1);
    const value = Number(parseQuantity(textOf(args[0], 0)).nano) / 1e9;
    if (!Number.isFinite(value) || value < 0)
      throw new Error(`the quantity ${String(args[0])} is negative or infinite`);
    return value;
  },
};

function expectCount(args: readonly unknown[], count: number): void {
  if (args.length !== count)
    throw new Error(`expected exactly ${count} argument${count === 1 ? '' : 's'}, got ${args.length}`);
}

function textOf(value: unknown, index: number): string {
  if (typeof value === 'string') return value;
  throw new Error(`bad argument #${index + 1}: string expected, got ${value === undefined ? 'nil' : typeof value}`);
}
