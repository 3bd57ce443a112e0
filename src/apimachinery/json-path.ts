/**
 * kubectl's JSONPath without the braces, as CRDs use it for printer columns, scale paths and selectable fields:
 * `.spec.replicas`, `.status.conditions[?(@.type=="Ready")].status`, `.items[*].name`, `['a.b']`, `.labels.a\.b`, `[0:2]`, `..name`.
 */

export type JsonPath = (root: unknown) => unknown[];

/** Throws an Error that says what is wrong with the path. The result finds all matches, in document order. */
export function compileJsonPath(path: string): JsonPath {
  const steps = new Parser(path).parsePath();
  return (root) => evaluate(steps, root);
}

type Operand = { literal: unknown } | { steps: readonly Step[] };

type Step =
  | { kind: 'field'; name: string }
  | { kind: 'wildcard' }
  | { kind: 'descend' }
  | { kind: 'slice'; from: number | undefined; to: number | undefined; step: number }
  | { kind: 'index'; index: number }
  | { kind: 'union'; of: readonly Step[] }
  | { kind: 'filter'; left: Operand; operator: string | undefined; right: Operand | undefined };

function evaluate(steps: readonly Step[], root: unknown): unknown[] {
  let values: unknown[] = [root];
  for (const step of steps) values = values.flatMap((value) => apply(step, value));
  return values;
}

function apply(step: Step, value: unknown): unknown[] {
  switch (step.kind) {
    case 'field':
      return isRecord(value) && Object.hasOwn(value, step.name) ? [value[step.name]] : [];
    case 'wildcard':
      return children(value);
    case 'descend':
      return [value, ...children(value).flatMap((child) => apply(step, child))];
    case 'index': {
      if (!Array.isArray(value)) return [];
      const index = step.index < 0 ? value.length + step.index : step.index;
      return index >= 0 && index < value.length ? [value[index]] : [];
    }
    case 'slice': {
      if (!Array.isArray(value)) return [];
      const result: unknown[] = [];
      const from = clamp(step.from ?? 0, value.length);
      const to = clamp(step.to ?? value.length, value.length);
      for (let i = from; i < to; i += step.step) result.push(value[i]);
      return result;
    }
    case 'union':
      return step.of.flatMap((one) => apply(one, value));
    case 'filter':
      return children(value).filter((child) => holds(step, child));
  }
}

function holds(filter: Extract<Step, { kind: 'filter' }>, value: unknown): boolean {
  const left = operandValues(filter.left, value);
  if (filter.operator === undefined || filter.right === undefined) return left.length > 0;
  const right = operandValues(filter.right, value);
  if (left.length === 0 || right.length === 0) return false;
  const a = left[0];
  const b = right[0];
  switch (filter.operator) {
    case '==':
      return a === b;
    case '!=':
      return a !== b;
    case '<':
      return typeof a === typeof b && (a as number) < (b as number);
    case '<=':
      return typeof a === typeof b && (a as number) <= (b as number);
    case '>':
      return typeof a === typeof b && (a as number) > (b as number);
    default:
      return typeof a === typeof b && (a as number) >= (b as number);
  }
}

const operandValues = (operand: Operand, value: unknown): unknown[] =>
  'literal' in operand ? [operand.literal] : evaluate(operand.steps, value);

function children(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  return isRecord(value)
    ? Object.keys(value)
        .sort()
        .map((key) => value[key])
    : [];
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const clamp = (index: number, length: number): number =>
  Math.max(0, Math.min(index < 0 ? length + index : index, length));

class Parser {
  private readonly text: string;
  private at = 0;

  constructor(text: string) {
    this.text = text;
  }

  parsePath(): Step[] {
    const steps = this.steps(() => this.at >= this.text.length);
    if (steps.length === 0 && this.text !== '.') throw this.error('expected a path');
    return steps;
  }

  private steps(end: () => boolean): Step[] {
    const steps: Step[] = [];
    while (!end()) {
      if (this.take('..')) {
        steps.push({ kind: 'descend' });
        if (this.peek() !== '[') steps.push(this.field());
      } else if (this.take('.')) {
        if (end()) break;
        if (this.peek() === '[') continue;
        steps.push(this.field());
      } else if (this.take('[')) steps.push(this.bracket());
      else throw this.error(`unexpected "${this.peek()}"`);
    }
    return steps;
  }

  private field(): Step {
    if (this.take('*')) return { kind: 'wildcard' };
    let name = '';
    while (this.at < this.text.length && !/[.[\]()=!<>\s,|&]/.test(this.peek())) {
      if (this.peek() === '\\') this.at++;
      name += this.text[this.at++] ?? '';
    }
    if (name === '') throw this.error('expected a field name');
    return { kind: 'field', name };
  }

  private bracket(): Step {
    this.space();
    if (this.take('?(')) {
      const filter = this.filter();
      this.space();
      this.expect(']');
      return filter;
    }
    const parts: Step[] = [this.selector()];
    this.space();
    while (this.take(',')) {
      parts.push(this.selector());
      this.space();
    }
    this.expect(']');
    return parts.length === 1 ? (parts[0] as Step) : { kind: 'union', of: parts };
  }

  private selector(): Step {
    this.space();
    if (this.take('*')) return { kind: 'wildcard' };
    const quote = this.peek();
    if (quote === "'" || quote === '"') return { kind: 'field', name: this.quoted() };
    const match = /^(-?\d*)(:(-?\d*)(:(\d+))?)?/.exec(this.text.slice(this.at));
    if (match === null || match[0] === '') throw this.error('expected an index, a slice or a quoted name');
    this.at += match[0].length;
    if (match[2] === undefined) return { kind: 'index', index: Number(match[1]) };
    const bound = (text: string | undefined) => (text === undefined || text === '' ? undefined : Number(text));
    const step = bound(match[5]) ?? 1;
    if (step < 1) throw this.error('the step of a slice must be positive');
    return { kind: 'slice', from: bound(match[1]), to: bound(match[3]), step };
  }

  private filter(): Step {
    const left = this.operand();
    this.space();
    const operator = ['==', '!=', '<=', '>=', '<', '>'].find((candidate) => this.take(candidate));
    const right = operator === undefined ? undefined : this.operand();
    this.space();
    this.expect(')');
    return { kind: 'filter', left, operator, right };
  }

  private operand(): Operand {
    this.space();
    if (this.take('@')) return { steps: this.steps(() => /^[\s=!<>)]|^$/.test(this.peek())) };
    const quote = this.peek();
    if (quote === "'" || quote === '"') return { literal: this.quoted() };
    const match = /^(true|false|null|-?\d+(\.\d+)?)/.exec(this.text.slice(this.at));
    if (match === null) throw this.error('expected @, a quoted text, a number, true, false or null');
    this.at += match[0].length;
    return { literal: JSON.parse(match[0]) };
  }

  private quoted(): string {
    const quote = this.text[this.at++];
    let value = '';
    while (this.at < this.text.length && this.peek() !== quote) {
      if (this.peek() === '\\') this.at++;
      value += this.text[this.at++] ?? '';
    }
    if (this.at >= this.text.length) throw this.error('unterminated quoted text');
    this.at++;
    return value;
  }

  private peek(): string {
    return this.text[this.at] ?? '';
  }

  private take(token: string): boolean {
    if (!this.text.startsWith(token, this.at)) return false;
    this.at += token.length;
    return true;
  }

  private expect(token: string): void {
    if (!this.take(token)) throw this.error(`expected "${token}"`);
  }

  private space(): void {
    while (/\s/.test(this.peek())) this.at++;
  }

  private error(what: string): Error {
    return new Error(`${what} at position ${this.at} of "${this.text}"`);
  }
}
