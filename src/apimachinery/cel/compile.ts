/**
 * Compiles CEL expressions: parsed by cel-js, typed here, and turned into closures that count what they do. A rule from a
 * user can neither run longer than its budget nor meet a regular expression engine that backtracks.
 */
import { type ASTNode, Environment } from '@marcbachmann/cel-js';
import { callFunction } from './calls.ts';
import { compileList, compileMap } from './literals.ts';
import { compileMacro } from './macros.ts';
import { CompileError, type Frame, lookUp, type Node, type Scope, spend } from './node.ts';
import { withoutOptionalMarks } from './optional-entries.ts';
import { accepts, bool, type CelType, dyn, join, optionalOf, sizeBound, typeName } from './types.ts';
import { CelError, compare, equal, isList, Lazy, Optional, TypeValue, Uint, type Value } from './values.ts';

export interface Program {
  type: CelType;
  /** The most that one evaluation may cost, as estimated from the schema's sizes. */
  cost: number;
  /** Whether the expression reads the variable. */
  uses(variable: string): boolean;
  /** Throws CelError, and CostExceeded past `budget.left`, which goes down by what was done. */
  evaluate(variables: { readonly [name: string]: Value | Lazy }, budget: { left: number }): Value;
}

const parser = new Environment({
  enableOptionalTypes: true,
  limits: { maxAstNodes: 20_000, maxDepth: 100, maxListElements: 5_000, maxMapEntries: 5_000, maxCallArguments: 32 },
});

/** Longer expressions are refused. */
const maxExpressionLength = 100_000;

/** Chains such as `a + b + c` are as deep as they are long: deeper ones would not fit on the stack. */
const maxDepth = 1000;

/** Throws CompileError. */
export function compile(expression: string, variables: { readonly [name: string]: CelType }): Program {
  if (expression.length > maxExpressionLength)
    throw new CompileError(`expressions may be at most ${maxExpressionLength} characters long`, 0);
  const names = new Map(Object.entries(variables).map(([name, type], slot) => [name, { slot, type }] as const));
  const used = new Set<string>();
  const { plain, marks } = withoutOptionalMarks(expression);
  const scope = { names, depth: names.size, used, optionalMarks: marks, compile: compileNode };
  const node = compileNode(parse(plain), scope);
  return {
    type: node.type,
    cost: node.cost,
    uses: (variable) => used.has(variable),
    evaluate(values, budget) {
      const frame: Frame = { slots: Object.keys(variables).map((name) => values[name] ?? null), budget: budget.left };
      try {
        return node.run(frame);
      } finally {
        budget.left = frame.budget;
      }
    },
  };
}

/** `ERROR: <input>:1:5: undeclared reference …` with the line and a mark, as other servers print it. */
export function compileErrorText(expression: string, error: CompileError): string {
  const before = expression.slice(0, error.offset).split('\n');
  const line = expression.split('\n')[before.length - 1] ?? '';
  const column = (before.at(-1) ?? '').length;
  return `compilation failed: ERROR: <input>:${before.length}:${column + 1}: ${error.message}\n | ${line}\n | ${'.'.repeat(column)}^`;
}

function parse(expression: string): ASTNode {
  try {
    const { ast } = parser.parse(expression);
    if (depthOf(ast) > maxDepth) throw new Error(`expressions may be at most ${maxDepth} operations deep`);
    return ast;
  } catch (error) {
    const { message, range } = error as { message: string; range?: { start: number } };
    throw new CompileError(`Syntax error: ${message.split('\n')[0]}`, range?.start ?? 0);
  }
}

function compileNode(node: ASTNode, scope: Scope): Node {
  switch (node.op) {
    case 'value':
      return literal(node.args);
    case 'id':
      return variable(node.args, node, scope);
    case '.': {
      const dotted = dottedVariable(node, scope);
      return dotted === undefined ? select(node, compileNode(node.args[0], scope), node.args[1], false) : dotted;
    }
    case '.?':
      return select(node, compileNode(node.args[0], scope), node.args[1], true);
    case '[]':
    case '[?]':
      return index(node, compileNode(node.args[0], scope), compileNode(node.args[1], scope), node.op === '[?]');
    case 'list':
      return compileList(node, scope);
    case 'map':
      return compileMap(node, scope);
    case '?:':
      return conditional(node, scope);
    case '||':
    case '&&':
      return logical(node, scope, node.op === '||');
    case '==':
    case '!=':
      return equality(node, scope, node.op === '==');
    case '<':
    case '<=':
    case '>':
    case '>=':
      return ordering(node, scope);
    case '!_':
    case '-_':
      return callFunction(node.op, [compileNode(node.args, scope)], false, node);
    case 'call': {
      const [name, args] = node.args;
      return (
        compileMacro(name, undefined, args, node, scope) ?? callFunction(name, compileAll(args, scope), false, node)
      );
    }
    case 'rcall': {
      const [name, receiver, args] = node.args;
      const macro = compileMacro(name, receiver, args, node, scope);
      if (macro !== undefined) return macro;
      if (receiver.op === 'id' && !scope.names.has(receiver.args) && namespaces.has(receiver.args))
        return callFunction(`${receiver.args}.${name}`, compileAll(args, scope), false, node);
      return callFunction(name, [compileNode(receiver, scope), ...compileAll(args, scope)], true, node);
    }
    default:
      return callFunction(
        node.op,
        node.args.map((arg) => compileNode(arg, scope)),
        false,
        node,
      );
  }
}

const compileAll = (args: readonly ASTNode[], scope: Scope): Node[] => args.map((arg) => compileNode(arg, scope));

/** Names before the dot of functions that belong to no value. */
const namespaces: ReadonlySet<string> = new Set(['optional', 'sets', 'ip', 'format', 'strings', 'jsonpatch']);

const typeNames: { readonly [name: string]: string } = {
  ...Object.fromEntries(
    ['bool', 'int', 'uint', 'double', 'string', 'bytes', 'list', 'map', 'type', 'null_type', 'optional_type'].map(
      (name) => [name, name],
    ),
  ),
};

function literal(value: unknown): Node {
  const constant = toValue(value);
  const run = (): Value => constant;
  if (typeof constant === 'string') return { type: { kind: 'string', max: constant.length }, cost: 0, run };
  if (constant instanceof Uint8Array) return { type: { kind: 'bytes', max: constant.length }, cost: 0, run };
  if (constant instanceof Uint) return { type: { kind: 'uint' }, cost: 0, run };
  if (constant === null) return { type: { kind: 'null' }, cost: 0, run };
  const kind = typeof constant === 'boolean' ? 'bool' : typeof constant === 'bigint' ? 'int' : 'double';
  return { type: { kind }, cost: 0, run };
}

/** The parser has a class of its own for unsigned numbers. */
function toValue(value: unknown): Value {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value as Value;
  return new Uint(BigInt((value as { valueOf(): bigint }).valueOf()));
}

function variable(name: string, node: ASTNode, scope: Scope): Node {
  const found = scope.names.get(name);
  if (found !== undefined) {
    scope.used.add(name);
    const { slot, type } = found;
    return {
      type,
      cost: 1,
      run(frame) {
        spend(frame, 1);
        const value = frame.slots[slot] as Value | Lazy;
        return value instanceof Lazy ? value.read(frame) : value;
      },
    };
  }
  const known = Object.hasOwn(typeNames, name) ? typeNames[name] : undefined;
  if (known === undefined)
    throw new CompileError(`undeclared reference to '${name}' (in container '')`, node.range.start);
  const value = new TypeValue(known);
  return { type: { kind: 'type' }, cost: 1, run: () => value };
}

/** Variables with a dot in their name: `authorizer.requestResource`. */
function dottedVariable(node: ASTNode & { op: '.' }, scope: Scope): Node | undefined {
  const [from, field] = node.args;
  const name = from.op === 'id' ? `${from.args}.${field}` : '';
  return scope.names.has(name) ? variable(name, node, scope) : undefined;
}

/** The type of a field; undefined when the type has no such field, throws when it can have none. */
function fieldType(type: CelType, name: string, node: ASTNode): CelType {
  if (type.kind === 'dyn') return dyn;
  if (type.kind === 'map') return type.value;
  if (type.kind === 'object') {
    const field = type.fields.get(name);
    if (field === undefined) throw new CompileError(`undefined field '${name}'`, node.range.start);
    return field;
  }
  throw new CompileError(`type '${typeName(type)}' does not support field selection`, node.range.start);
}

function select(node: ASTNode, from: Node, name: string, optional: boolean): Node {
  const throughOptional = from.type.kind === 'optional';
  const base = from.type.kind === 'optional' ? from.type.value : from.type;
  const field = fieldType(base, name, node);
  const cost = from.cost + 1;
  if (!optional && !throughOptional)
    return {
      type: field,
      cost,
      run(frame) {
        const value = from.run(frame);
        spend(frame, 1);
        return read(value, name);
      },
    };
  return {
    type: field.kind === 'optional' ? field : optionalOf(field),
    cost,
    run(frame) {
      spend(frame, 1);
      return readOptional(from.run(frame), name);
    },
  };
}

/** A field or element. Throws CelError when it is not there. */
function read(value: Value, key: Value): Value {
  if (value instanceof Optional) return readOptional(value, key);
  const found = lookUp(value, key);
  if (found !== undefined) return found;
  if (isList(value)) throw new CelError(`index out of bounds: ${String(keyText(key))}`);
  throw new CelError(`no such key: ${keyText(key)}`);
}

function readOptional(value: Value, key: Value): Optional {
  const base = value instanceof Optional ? value.value : value;
  if (base === undefined || base === null) return new Optional(undefined);
  const found = lookUp(base, key);
  return found instanceof Optional ? found : new Optional(found);
}

const keyText = (key: Value): string => (key instanceof Uint ? String(key.value) : String(key));

function index(node: ASTNode, from: Node, key: Node, optional: boolean): Node {
  const throughOptional = from.type.kind === 'optional';
  const base = from.type.kind === 'optional' ? from.type.value : from.type;
  let type: CelType = dyn;
  if (base.kind === 'list' && accepts({ kind: 'int' }, key.type, new Map())) type = base.item;
  else if (base.kind === 'map' && accepts(base.key, key.type, new Map())) type = base.value;
  else if (base.kind !== 'dyn')
    throw new CompileError(
      `found no matching overload for '_[_]' applied to '(${typeName(base)}, ${typeName(key.type)})'`,
      node.range.start,
    );
  const asOptional = optional || throughOptional;
  return {
    type: asOptional ? optionalOf(type) : type,
    cost: from.cost + key.cost + 1,
    run(frame) {
      const value = from.run(frame);
      const at = key.run(frame);
      spend(frame, 1);
      return asOptional ? readOptional(value, at) : read(value, at);
    },
  };
}

function wantBool(node: Node, at: ASTNode, operator: string): void {
  if (!accepts(bool, node.type, new Map()))
    throw new CompileError(`expected type 'bool' but found '${typeName(node.type)}' in '${operator}'`, at.range.start);
}

function conditional(node: ASTNode & { op: '?:' }, scope: Scope): Node {
  const [condition, yes, no] = node.args.map((arg) => compileNode(arg, scope)) as [Node, Node, Node];
  wantBool(condition, node.args[0], '_?_:_');
  const type = join(yes.type, no.type);
  if (type === undefined)
    throw new CompileError(
      `found no matching overload for '_?_:_' applied to '(bool, ${typeName(yes.type)}, ${typeName(no.type)})'`,
      node.range.start,
    );
  return {
    type,
    cost: condition.cost + Math.max(yes.cost, no.cost),
    run(frame) {
      const chosen = condition.run(frame);
      if (typeof chosen !== 'boolean') throw new CelError('no such overload');
      return chosen ? yes.run(frame) : no.run(frame);
    },
  };
}

/** Errors of one side do not matter when the other decides. */
function logical(node: ASTNode & { op: '||' | '&&' }, scope: Scope, decisive: boolean): Node {
  const [left, right] = node.args.map((arg) => compileNode(arg, scope)) as [Node, Node];
  for (const [i, side] of [left, right].entries()) wantBool(side, node.args[i] as ASTNode, `_${node.op}_`);
  return {
    type: bool,
    cost: left.cost + right.cost,
    run(frame) {
      let failure: unknown;
      try {
        const value = left.run(frame);
        if (value === decisive) return decisive;
        if (typeof value !== 'boolean') failure = new CelError('no such overload');
      } catch (error) {
        if (!(error instanceof CelError)) throw error;
        failure = error;
      }
      const value = right.run(frame);
      if (value === decisive) return decisive;
      if (failure !== undefined) throw failure;
      if (typeof value !== 'boolean') throw new CelError('no such overload');
      return value;
    },
  };
}

function sides(node: ASTNode & { args: [ASTNode, ASTNode] }, scope: Scope): [Node, Node] {
  return [compileNode(node.args[0], scope), compileNode(node.args[1], scope)];
}

const noOverload = (node: ASTNode, left: Node, right: Node): CompileError =>
  new CompileError(
    `found no matching overload for '_${node.op}_' applied to '(${typeName(left.type)}, ${typeName(right.type)})'`,
    node.range.start,
  );

function equality(node: ASTNode & { op: '==' | '!=' }, scope: Scope, wanted: boolean): Node {
  const [left, right] = sides(node, scope);
  if (join(left.type, right.type) === undefined) throw noOverload(node, left, right);
  const compared = Math.min(sizeBound(left.type), sizeBound(right.type));
  return {
    type: bool,
    cost: left.cost + right.cost + Math.max(1, compared * 0.1),
    run: (frame) => equal(left.run(frame), right.run(frame), (cost) => spend(frame, cost)) === wanted,
  };
}

const ordered: ReadonlySet<string> = new Set(['bool', 'string', 'bytes', 'timestamp', 'duration']);
const numbers: ReadonlySet<string> = new Set(['int', 'uint', 'double']);

function ordering(node: ASTNode & { op: '<' | '<=' | '>' | '>=' }, scope: Scope): Node {
  const [left, right] = sides(node, scope);
  const [a, b] = [left.type.kind, right.type.kind];
  const comparable = a === 'dyn' || b === 'dyn' || (a === b && ordered.has(a)) || (numbers.has(a) && numbers.has(b));
  if (!comparable) throw noOverload(node, left, right);
  const holds = orderings[node.op];
  return {
    type: bool,
    cost: left.cost + right.cost + Math.max(1, Math.min(sizeBound(left.type), sizeBound(right.type)) * 0.1),
    run(frame) {
      const [x, y] = [left.run(frame), right.run(frame)];
      spend(frame, typeof x === 'string' ? Math.max(1, x.length * 0.1) : 1);
      const order = compare(x, y);
      if (order === undefined) throw new CelError('no such overload');
      // NaN is neither below nor above anything.
      if (Number.isNaN(x) || Number.isNaN(y)) return false;
      return holds(order);
    },
  };
}

const orderings = {
  '<': (order: number) => order < 0,
  '<=': (order: number) => order <= 0,
  '>': (order: number) => order > 0,
  '>=': (order: number) => order >= 0,
};

/** Without recursion: it is what keeps the recursion of others in bounds. */
function depthOf(root: ASTNode): number {
  let deepest = 0;
  const open: [unknown, number][] = [[root, 1]];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [node, depth] = next;
    if (Array.isArray(node)) for (const child of node) open.push([child, depth]);
    else if (typeof node === 'object' && node !== null && 'op' in node && 'args' in node) {
      deepest = Math.max(deepest, depth);
      open.push([node.args, depth + 1]);
    }
  }
  return deepest;
}
