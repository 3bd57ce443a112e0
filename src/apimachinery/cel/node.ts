/** What the parts of the compiler hand each other. */
import type { ASTNode } from '@marcbachmann/cel-js';
import type { CelType } from './types.ts';
import { CelError, type CelMap, CostExceeded, isList, isMap, type Lazy, Uint, type Value } from './values.ts';

/** One evaluation: the variables, and the work that is left. */
export interface Frame {
  slots: (Value | Lazy)[];
  budget: number;
}

/** A typed, runnable expression. `cost` estimates the most that one run may do. */
export interface Node {
  type: CelType;
  cost: number;
  run(frame: Frame): Value;
}

export interface Scope {
  readonly names: ReadonlyMap<string, { slot: number; type: CelType }>;
  readonly depth: number;
  compile(node: ASTNode, scope: Scope): Node;
  /** Told of every variable of the root that is read. */
  readonly used: { add(name: string): unknown };
  /** Where the question marks of optional entries stood. */
  readonly optionalMarks: readonly number[];
}

/** What does not compile; `offset` is where in the text. */
export class CompileError extends Error {
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

export function spend(frame: Frame, cost: number): void {
  frame.budget -= cost;
  if (frame.budget < 0) throw new CostExceeded('operation cancelled: actual cost limit exceeded');
}

/** A field or element; undefined when it is not there. Throws CelError for what has neither. */
export function lookUp(value: Value, key: Value): Value | undefined {
  if (isMap(value)) return (value as CelMap).get(key);
  if (isList(value)) {
    const at = key instanceof Uint ? key.value : key;
    if (typeof at !== 'bigint' && typeof at !== 'number') throw new CelError('no such overload');
    return value.items[Number(at)];
  }
  throw new CelError('no such overload');
}
