/** Picks the overload of a function: at compile time by the types, at run time by the values where types are dynamic. */
import type { ASTNode } from '@marcbachmann/cel-js';
import { functions } from './functions.ts';
import { CompileError, type Frame, type Node, spend } from './node.ts';
import type { Overload } from './overloads.ts';
import { accepts, type CelType, dyn, sizeBound, substitute, typeName } from './types.ts';
import { CelError, fits, isList, isMap, type Value } from './values.ts';

/** `method` for `a.f(b)`, whose receiver is the first of `args`. Throws CompileError when nothing fits. */
export function callFunction(name: string, args: readonly Node[], method: boolean, node: ASTNode): Node {
  const known = functions.get(name)?.filter((overload) => overload.method === method);
  const { start } = node.range;
  if (known === undefined || known.length === 0)
    throw new CompileError(`undeclared reference to '${name}' (in container '')`, start);
  const types = args.map(({ type }) => type);
  const matching = known.flatMap((overload) => {
    const result = resultType(overload, types);
    return result === undefined ? [] : [{ overload, result }];
  });
  const [first] = matching;
  if (first === undefined) {
    const [receiver, ...rest] = types.map(typeName);
    const applied = method ? `${receiver}.(${rest.join(', ')})` : `(${types.map(typeName).join(', ')})`;
    throw new CompileError(`found no matching overload for '${operatorName(name)}' applied to '${applied}'`, start);
  }
  const same = matching.every(({ result }) => typeName(result) === typeName(first.result));
  const sizes = types.map(sizeBound);
  const argCost = args.reduce((sum, { cost }) => sum + cost, 0);
  const callCost = Math.max(...matching.map(({ overload }) => overload.cost(sizes)));
  const fixed = matching.length === 1 && !types.some(isDynamic) ? first.overload : undefined;
  const candidates = matching.map(({ overload }) => overload);
  return {
    type: same ? withBound(first.result, sizes) : dyn,
    cost: argCost + callCost,
    run(frame) {
      const values = args.map((arg) => arg.run(frame));
      return call(fixed ?? choose(candidates, values), values, frame);
    },
  };
}

function call(overload: Overload, values: Value[], frame: Frame): Value {
  spend(frame, overload.cost(values.map(sizeOf)));
  return overload.run(values, (cost) => spend(frame, cost));
}

function choose(candidates: readonly Overload[], values: readonly Value[]): Overload {
  const found = candidates.find(({ params }) => values.every((value, i) => fits(value, params[i] as CelType)));
  if (found === undefined) throw new CelError('no such overload');
  return found;
}

function resultType({ params, result }: Overload, types: readonly CelType[]): CelType | undefined {
  if (params.length !== types.length) return undefined;
  const bindings = new Map<string, CelType>();
  if (!types.every((type, i) => accepts(params[i] as CelType, type, bindings))) return undefined;
  return substitute(result, bindings);
}

const isDynamic = (type: CelType): boolean => type.kind === 'dyn' || type.kind === 'param' || type.kind === 'null';

/** What a function makes of strings and lists is at most as big as what went in. */
function withBound(type: CelType, sizes: readonly number[]): CelType {
  if (type.kind !== 'string' && type.kind !== 'list') return type;
  return { ...type, max: sizes.reduce((sum, size) => sum + size, 0) };
}

export function sizeOf(value: Value): number {
  if (typeof value === 'string' || value instanceof Uint8Array) return value.length;
  if (value !== null && typeof value === 'object') {
    if (isList(value)) return value.items.length;
    if (isMap(value)) return value.size;
  }
  return 1;
}

function operatorName(name: string): string {
  if (name === '!_' || name === '-_') return name;
  if (name === 'in') return '@in';
  return /^\W+$/.test(name) ? `_${name}_` : name;
}
