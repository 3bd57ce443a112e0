/** Macros: has, the comprehensions in their one- and two-variable forms, cel.bind and the mappings of optionals. */
import type { ASTNode } from '@marcbachmann/cel-js';
import { CompileError, type Frame, lookUp, type Node, type Scope, spend } from './node.ts';
import { accepts, bool, type CelType, dyn, int, listOf, optionalOf, sizeBound, typeName } from './types.ts';
import { CelError, CelList, isList, isMap, LiteralMap, Optional, type Value } from './values.ts';

/** Undefined when it is not a macro. */
export function compileMacro(
  name: string,
  receiver: ASTNode | undefined,
  args: readonly ASTNode[],
  node: ASTNode,
  scope: Scope,
): Node | undefined {
  if (receiver === undefined) return name === 'has' && args.length === 1 ? has(args[0] as ASTNode, scope) : undefined;
  if (name === 'bind' && receiver.op === 'id' && receiver.args === 'cel' && args.length === 3) return bind(args, scope);
  if ((name === 'optMap' || name === 'optFlatMap') && args.length === 2) return optMap(name, receiver, args, scope);
  const form = Object.hasOwn(comprehensions, name) ? comprehensions[name] : undefined;
  return form?.(receiver, args, node, scope);
}

function has(node: ASTNode, scope: Scope): Node {
  if (node.op !== '.' && node.op !== '.?') throw new CompileError('invalid argument to has() macro', node.range.start);
  const [from, field] = [scope.compile(node.args[0], scope), node.args[1]];
  // The whole selection is typed too: a field that is not declared is an error.
  scope.compile(node, scope);
  return {
    type: bool,
    cost: from.cost + 1,
    run(frame) {
      spend(frame, 1);
      const value = from.run(frame);
      const base = value instanceof Optional ? value.value : value;
      if (base === undefined) return false;
      if (!isMap(base)) throw new CelError('no such overload');
      return lookUp(base, field) !== undefined;
    },
  };
}

interface Variables {
  scope: Scope;
  slots: readonly number[];
}

function declare(scope: Scope, variables: readonly (readonly [ASTNode, CelType])[]): Variables {
  const names = new Map(scope.names);
  const slots = variables.map(([node, type], i) => {
    if (node.op !== 'id') throw new CompileError('argument must be a simple name', node.range.start);
    names.set(node.args, { slot: scope.depth + i, type });
    return scope.depth + i;
  });
  const inner = { ...scope, names, depth: scope.depth + variables.length, used: shadowed(scope, variables) };
  return { scope: inner, slots };
}

/** A variable of the comprehension with a root variable's name is not that variable. */
function shadowed(scope: Scope, variables: readonly (readonly [ASTNode, CelType])[]): Scope['used'] {
  const own = new Set(variables.map(([node]) => (node.op === 'id' ? node.args : '')));
  return { add: (name) => (own.has(name) ? undefined : scope.used.add(name)) };
}

function bind([name, value, body]: readonly ASTNode[], scope: Scope): Node {
  const bound = scope.compile(value as ASTNode, scope);
  const { scope: inner, slots } = declare(scope, [[name as ASTNode, bound.type]]);
  const result = inner.compile(body as ASTNode, inner);
  const slot = slots[0] as number;
  return {
    type: result.type,
    cost: bound.cost + result.cost,
    run(frame) {
      frame.slots[slot] = bound.run(frame);
      return result.run(frame);
    },
  };
}

function optMap(name: string, receiver: ASTNode, [variable, body]: readonly ASTNode[], scope: Scope): Node {
  const from = scope.compile(receiver, scope);
  if (from.type.kind !== 'optional' && from.type.kind !== 'dyn')
    throw new CompileError(`'${name}' is for optional values, not '${typeName(from.type)}'`, receiver.range.start);
  const held = from.type.kind === 'optional' ? from.type.value : dyn;
  const { scope: inner, slots } = declare(scope, [[variable as ASTNode, held]]);
  const result = inner.compile(body as ASTNode, inner);
  const slot = slots[0] as number;
  return {
    type: name === 'optMap' ? optionalOf(result.type) : result.type,
    cost: from.cost + result.cost,
    run(frame) {
      const value = from.run(frame);
      if (!(value instanceof Optional)) throw new CelError('no such overload');
      if (value.value === undefined) return value;
      frame.slots[slot] = value.value;
      const mapped = result.run(frame);
      return name === 'optMap' ? new Optional(mapped) : mapped;
    },
  };
}

interface Range {
  node: Node;
  /** Types of the one variable, or of index and element, or key and value. */
  single: CelType;
  pair: readonly [CelType, CelType];
}

function rangeOf(receiver: ASTNode, scope: Scope): Range {
  const node = scope.compile(receiver, scope);
  const { type } = node;
  if (type.kind === 'list') return { node, single: type.item, pair: [int, type.item] };
  if (type.kind === 'map') return { node, single: type.key, pair: [type.key, type.value] };
  if (type.kind === 'dyn') return { node, single: dyn, pair: [dyn, dyn] };
  throw new CompileError(
    `expression of type '${typeName(type)}' cannot be range of a comprehension (must be list, map, or dynamic)`,
    receiver.range.start,
  );
}

/** Runs `visit` for each element until it returns true. Every step costs something, whatever it does. */
function iterate(frame: Frame, range: Node, slots: readonly number[], visit: (first: Value) => boolean): void {
  const value = range.run(frame);
  const two = slots.length === 2;
  const items = isList(value) ? value.items : isMap(value) ? value.keys() : undefined;
  if (items === undefined) throw new CelError('no such overload');
  const [a, b] = slots as [number, number];
  for (let i = 0; i < items.length; i++) {
    spend(frame, 1);
    const item = items[i] as Value;
    frame.slots[a] = two && isList(value) ? BigInt(i) : item;
    if (two) frame.slots[b] = isMap(value) ? (value.get(item) as Value) : item;
    if (visit(item)) return;
  }
}

type Comprehension = (receiver: ASTNode, args: readonly ASTNode[], node: ASTNode, scope: Scope) => Node | undefined;

/** Compiles `variables…, bodies…` over the range. */
function prepare(receiver: ASTNode, args: readonly ASTNode[], variables: 1 | 2, scope: Scope) {
  const range = rangeOf(receiver, scope);
  const types = variables === 1 ? [range.single] : range.pair;
  const { scope: inner, slots } = declare(
    scope,
    types.map((type, i) => [args[i] as ASTNode, type] as const),
  );
  const bodies = args.slice(variables).map((arg) => inner.compile(arg, inner));
  const count = sizeBound(range.node.type);
  const cost = range.node.cost + count * bodies.reduce((sum, body) => sum + body.cost, 1);
  return { range: range.node, slots, bodies, cost, count };
}

function wantPredicate(body: Node | undefined, node: ASTNode): Node {
  if (body === undefined || !accepts(bool, body.type, new Map()))
    throw new CompileError(
      `expected type 'bool' but found '${body === undefined ? 'nothing' : typeName(body.type)}'`,
      node.range.start,
    );
  return body;
}

function holds(body: Node, frame: Frame): boolean {
  const value = body.run(frame);
  if (typeof value !== 'boolean') throw new CelError('no such overload');
  return value;
}

/** all and exists: an element that decides makes errors of the others irrelevant. */
const quantifier =
  (decisive: boolean): Comprehension =>
  (receiver, args, node, scope) => {
    if (args.length !== 2 && args.length !== 3) return undefined;
    const { range, slots, bodies, cost } = prepare(receiver, args, args.length === 2 ? 1 : 2, scope);
    const predicate = wantPredicate(bodies[0], node);
    return {
      type: bool,
      cost,
      run(frame) {
        let failure: CelError | undefined;
        let decided = false;
        iterate(frame, range, slots, () => {
          try {
            decided = holds(predicate, frame) === decisive;
          } catch (error) {
            if (!(error instanceof CelError)) throw error;
            failure ??= error;
          }
          return decided;
        });
        if (decided) return decisive;
        if (failure !== undefined) throw failure;
        return !decisive;
      },
    };
  };

const existsOne: Comprehension = (receiver, args, node, scope) => {
  if (args.length !== 2 && args.length !== 3) return undefined;
  const { range, slots, bodies, cost } = prepare(receiver, args, args.length === 2 ? 1 : 2, scope);
  const predicate = wantPredicate(bodies[0], node);
  return {
    type: bool,
    cost,
    run(frame) {
      let found = 0;
      iterate(frame, range, slots, () => {
        if (holds(predicate, frame)) found++;
        return false;
      });
      return found === 1;
    },
  };
};

/** `map(x, e)`, `map(x, p, e)`, and `filter(x, p)`; with two variables `transformList`. */
const collect =
  (variables: 1 | 2, filtering: boolean): Comprehension =>
  (receiver, args, node, scope) => {
    const extra = args.length - variables;
    if (extra !== 1 && (extra !== 2 || filtering)) return undefined;
    const { range, slots, bodies, cost, count } = prepare(receiver, args, variables, scope);
    const predicate = filtering || extra === 2 ? wantPredicate(bodies[0], node) : undefined;
    const transform = filtering ? undefined : (bodies.at(-1) as Node);
    const item = transform?.type ?? itemType(range.type);
    return {
      type: listOf(item, count),
      cost,
      run(frame) {
        const items: Value[] = [];
        iterate(frame, range, slots, (first) => {
          if (predicate !== undefined && !holds(predicate, frame)) return false;
          items.push(transform === undefined ? first : transform.run(frame));
          return false;
        });
        return new CelList(items);
      },
    };
  };

const itemType = (type: CelType): CelType => (type.kind === 'list' ? type.item : type.kind === 'map' ? type.key : dyn);

/** `transformMap(k, v, e)` and `transformMap(k, v, p, e)`. */
const transformMap: Comprehension = (receiver, args, node, scope) => {
  if (args.length !== 3 && args.length !== 4) return undefined;
  const { range, slots, bodies, cost, count } = prepare(receiver, args, 2, scope);
  const predicate = bodies.length === 2 ? wantPredicate(bodies[0], node) : undefined;
  const transform = bodies.at(-1) as Node;
  const key = range.type.kind === 'map' ? range.type.key : range.type.kind === 'list' ? int : dyn;
  return {
    type: { kind: 'map', key, value: transform.type, max: count },
    cost,
    run(frame) {
      const entries: [Value, Value][] = [];
      iterate(frame, range, slots, () => {
        if (predicate === undefined || holds(predicate, frame))
          entries.push([frame.slots[slots[0] as number] as Value, transform.run(frame)]);
        return false;
      });
      return new LiteralMap(entries);
    },
  };
};

const comprehensions: { readonly [name: string]: Comprehension } = {
  all: quantifier(false),
  exists: quantifier(true),
  exists_one: existsOne,
  existsOne,
  map: collect(1, false),
  filter: collect(1, true),
  transformList: collect(2, false),
  transformMap,
};
