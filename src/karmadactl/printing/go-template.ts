/**
 * Go's text/template as far as `-o go-template` needs it: fields, variables, pipelines, `if`, `range`, `with`, `define`-less, and
 * the functions of text/template and of kubectl. Not there: `template`, `block`, methods.
 */

type Expression =
  | { kind: 'literal'; value: unknown }
  | { kind: 'field'; of: Expression | undefined; path: string[] }
  | { kind: 'variable'; name: string }
  | { kind: 'call'; name: string; args: Expression[] };

interface Pipeline {
  declare: string[];
  assign: boolean;
  commands: Expression[];
}

type Node =
  | { kind: 'text'; text: string }
  | { kind: 'print'; pipeline: Pipeline }
  | { kind: 'if' | 'with' | 'range'; pipeline: Pipeline; body: Node[]; otherwise: Node[] }
  | { kind: 'break' }
  | { kind: 'continue' };

class Leave extends Error {}

/** @throws when the template cannot be read; the printer throws when it cannot be executed */
export function compileGoTemplate(template: string, allowMissing = true): (root: unknown) => string {
  const nodes = parseNodes(tokens(template));
  return (root) => new Execution(root, allowMissing).run(nodes, root);
}

interface Token {
  action: boolean;
  text: string;
}

/** Text and actions, blanks trimmed where `{{-` and `-}}` ask for it. */
function tokens(template: string): Token[] {
  const found: Token[] = [];
  let trimNext = false;
  let at = 0;
  const addText = (text: string): void => {
    const trimmed = trimNext ? text.trimStart() : text;
    trimNext = false;
    if (trimmed !== '') found.push({ action: false, text: trimmed });
  };
  for (;;) {
    const open = template.indexOf('{{', at);
    if (open < 0) {
      addText(template.slice(at));
      return found;
    }
    const trimBefore = /^-\s/.test(template.slice(open + 2));
    const text = template.slice(at, open);
    addText(trimBefore ? text.trimEnd() : text);
    const close = endOfAction(template, open + 2);
    let action = template.slice(open + 2 + (trimBefore ? 1 : 0), close);
    if (/\s-$/.test(action)) {
      trimNext = true;
      action = action.slice(0, -1);
    }
    if (!/^\s*\/\*/.test(action)) found.push({ action: true, text: action.trim() });
    at = close + 2;
  }
}

function endOfAction(template: string, from: number): number {
  let quote = '';
  for (let at = from; at < template.length; at++) {
    const letter = template[at] ?? '';
    if (quote !== '') {
      if (letter === '\\' && quote === '"') at++;
      else if (letter === quote) quote = '';
    } else if (letter === '"' || letter === '`') quote = letter;
    else if (template.startsWith('}}', at)) return at;
  }
  throw new Error('unclosed action');
}

function parseNodes(list: readonly Token[]): Node[] {
  let at = 0;
  const block = (inside: string): { nodes: Node[]; end: string } => {
    const nodes: Node[] = [];
    while (at < list.length) {
      const { action, text } = list[at++] as Token;
      if (!action) {
        nodes.push({ kind: 'text', text });
        continue;
      }
      const [, word = '', rest = ''] = /^(\w*)\s*(.*)$/s.exec(text) ?? [];
      if (word === 'end' || word === 'else') {
        if (inside === '') throw new Error(`unexpected {{${word}}}`);
        return { nodes, end: word === 'else' ? `else ${rest}`.trim() : 'end' };
      }
      if (word === 'if' || word === 'with' || word === 'range') nodes.push(control(word, rest));
      else if (word === 'break' || word === 'continue') nodes.push({ kind: word });
      else if (word === 'template' || word === 'define' || word === 'block')
        throw new Error(`{{${word}}} is not supported`);
      else nodes.push({ kind: 'print', pipeline: parsePipeline(text) });
    }
    if (inside !== '') throw new Error(`unexpected EOF: {{${inside}}} has no {{end}}`);
    return { nodes, end: '' };
  };
  const control = (kind: 'if' | 'with' | 'range', rest: string): Node => {
    const pipeline = parsePipeline(rest);
    const first = block(kind);
    if (first.end === 'end') return { kind, pipeline, body: first.nodes, otherwise: [] };
    const [, next = '', more = ''] = /^else\s*(\w*)\s*(.*)$/s.exec(first.end) ?? [];
    if (next === 'if' || next === 'with')
      return { kind, pipeline, body: first.nodes, otherwise: [control(next, more)] };
    return { kind, pipeline, body: first.nodes, otherwise: block(kind).nodes };
  };
  return block('').nodes;
}

const lexeme = /\s*("(?:\\.|[^"\\])*"|`[^`]*`|'(?:\\.|[^'\\])'|:=|[()|,=]|-?\d[\w.]*|\$\w*|\.(?![\w])|[.\w]+)/y;

function lex(text: string): string[] {
  const found: string[] = [];
  lexeme.lastIndex = 0;
  while (lexeme.lastIndex < text.trimEnd().length) {
    const at = lexeme.lastIndex;
    const match = lexeme.exec(text);
    if (match === null) throw new Error(`unexpected ${JSON.stringify(text.slice(at).trim()[0] ?? '')} in operand`);
    // A blank ends a chain of fields: `.a .b` are two operands.
    found.push((/^\s/.test(match[0]) ? ' ' : '') + (match[1] ?? ''));
  }
  return found;
}

function parsePipeline(text: string): Pipeline {
  const words = lex(text);
  const declaration = words.findIndex((word) => word.trim() === ':=' || word.trim() === '=');
  const declare =
    declaration < 0
      ? []
      : words
          .slice(0, declaration)
          .map((word) => word.trim())
          .filter((word) => word !== ',');
  const assign = declaration >= 0 && words[declaration]?.trim() === '=';
  let at = declaration + 1;
  const peek = (): string | undefined => words[at]?.trim();
  const operand = (): Expression => {
    let value = primary();
    // `(index .a 0).b` and `$x.b`: a field directly behind.
    while (at < words.length && /^\.\w/.test(words[at] ?? '')) {
      const path = (words[at++] ?? '').slice(1).split('.');
      value = { kind: 'field', of: value, path };
    }
    return value;
  };
  const primary = (): Expression => {
    const word = peek() ?? '';
    at++;
    if (word === '(') {
      const inner = commands();
      if (peek() !== ')') throw new Error('unclosed left paren');
      at++;
      return inner;
    }
    if (word.startsWith('"')) return { kind: 'literal', value: JSON.parse(word) };
    if (word.startsWith('`')) return { kind: 'literal', value: word.slice(1, -1) };
    if (word.startsWith("'")) return { kind: 'literal', value: word.codePointAt(1) };
    if (word === 'true' || word === 'false') return { kind: 'literal', value: word === 'true' };
    if (word === 'nil') return { kind: 'literal', value: null };
    if (/^-?\d/.test(word)) return { kind: 'literal', value: Number(word) };
    if (word.startsWith('$')) return { kind: 'variable', name: word };
    if (word === '.') return { kind: 'field', of: undefined, path: [] };
    if (word.startsWith('.')) return { kind: 'field', of: undefined, path: word.slice(1).split('.') };
    if (/^\w+$/.test(word) && Object.hasOwn(functions, word)) return { kind: 'call', name: word, args: [] };
    if (/^\w+$/.test(word)) throw new Error(`function ${JSON.stringify(word)} not defined`);
    throw new Error(`unexpected ${JSON.stringify(word)} in command`);
  };
  const command = (): Expression => {
    const first = operand();
    const args: Expression[] = [];
    while (at < words.length && peek() !== '|' && peek() !== ')') args.push(operand());
    if (first.kind === 'call' && first.args.length === 0) return { ...first, args };
    if (args.length > 0) throw new Error('can’t give arguments to a non-function');
    return first;
  };
  const commands = (): Expression => {
    let value = command();
    while (peek() === '|') {
      at++;
      const next = command();
      if (next.kind !== 'call') throw new Error('non executable command in pipeline');
      value = { ...next, args: [...next.args, value] };
    }
    return value;
  };
  if (at >= words.length) throw new Error('missing value for command');
  const value = commands();
  if (at < words.length) throw new Error(`unexpected ${JSON.stringify(peek())} in command`);
  return { declare, assign, commands: [value] };
}

class Execution {
  private readonly allowMissing: boolean;
  private scopes: Map<string, unknown>[];

  constructor(root: unknown, allowMissing: boolean) {
    this.allowMissing = allowMissing;
    this.scopes = [new Map([['$', root]])];
  }

  run(nodes: readonly Node[], dot: unknown): string {
    let output = '';
    for (const node of nodes) {
      if (node.kind === 'text') output += node.text;
      else if (node.kind === 'print') {
        const value = this.pipeline(node.pipeline, dot);
        if (node.pipeline.declare.length === 0) output += goText(value);
      } else if (node.kind === 'break' || node.kind === 'continue')
        throw Object.assign(new Leave(node.kind), { output });
      else output += this.scoped(() => this.control(node, dot));
    }
    return output;
  }

  private control(node: Extract<Node, { body: Node[] }>, dot: unknown): string {
    if (node.kind === 'range') return this.range(node, dot);
    const value = this.pipeline(node.pipeline, dot);
    if (!truth(value)) return this.run(node.otherwise, dot);
    return this.run(node.body, node.kind === 'with' ? value : dot);
  }

  private range(node: Extract<Node, { body: Node[] }>, dot: unknown): string {
    const { declare } = node.pipeline;
    const value = this.expression(node.pipeline.commands[0] as Expression, dot);
    const entries: [unknown, unknown][] = Array.isArray(value)
      ? value.map((item, i) => [i, item])
      : typeof value === 'number'
        ? Array.from({ length: value }, (_, i) => [i, i])
        : typeof value === 'object' && value !== null
          ? Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
          : [];
    if (value !== null && value !== undefined && typeof value !== 'object' && typeof value !== 'number')
      throw new Error(`range can't iterate over ${goText(value)}`);
    if (entries.length === 0) return this.run(node.otherwise, dot);
    let output = '';
    for (const [key, item] of entries) {
      const names =
        declare.length === 2
          ? [
              [declare[0], key],
              [declare[1], item],
            ]
          : [[declare[0], item]];
      try {
        output += this.scoped(() => {
          for (const [name, bound] of names) if (name !== undefined) this.scopes.at(-1)?.set(name as string, bound);
          return this.run(node.body, item);
        });
      } catch (error) {
        if (!(error instanceof Leave)) throw error;
        output += (error as Leave & { output: string }).output;
        if (error.message === 'break') break;
      }
    }
    return output;
  }

  private scoped(run: () => string): string {
    const depth = this.scopes.length;
    this.scopes.push(new Map());
    try {
      return run();
    } finally {
      this.scopes.length = depth;
    }
  }

  private pipeline({ declare, assign, commands }: Pipeline, dot: unknown): unknown {
    const value = this.expression(commands[0] as Expression, dot);
    for (const name of declare) {
      const scope = assign ? this.scopes.findLast((each) => each.has(name)) : this.scopes.at(-1);
      if (scope === undefined) throw new Error(`undefined variable ${JSON.stringify(name)}`);
      scope.set(name, value);
    }
    return value;
  }

  private expression(expression: Expression, dot: unknown): unknown {
    switch (expression.kind) {
      case 'literal':
        return expression.value;
      case 'variable': {
        const scope = this.scopes.findLast((each) => each.has(expression.name));
        if (scope === undefined) throw new Error(`undefined variable ${JSON.stringify(expression.name)}`);
        return scope.get(expression.name);
      }
      case 'field': {
        let value = expression.of === undefined ? dot : this.expression(expression.of, dot);
        for (const name of expression.path) value = this.field(value, name);
        return value;
      }
      default: {
        // `and` and `or` stop at the first answer.
        if (expression.name === 'and' || expression.name === 'or') {
          let value: unknown;
          for (const arg of expression.args) {
            value = this.expression(arg, dot);
            if (truth(value) === (expression.name === 'or')) break;
          }
          return value;
        }
        return functions[expression.name]?.(...expression.args.map((arg) => this.expression(arg, dot)));
      }
    }
  }

  private field(value: unknown, name: string): unknown {
    if (value === undefined || value === null) {
      if (this.allowMissing) return undefined;
      throw new Error(`nil data; no entry for key ${JSON.stringify(name)}`);
    }
    if (typeof value !== 'object' || Array.isArray(value))
      throw new Error(
        `can't evaluate field ${name} in type ${Array.isArray(value) ? '[]interface {}' : 'interface {}'}`,
      );
    if (Object.hasOwn(value, name)) return (value as Record<string, unknown>)[name];
    if (this.allowMissing) return undefined;
    throw new Error(`map has no entry for key ${JSON.stringify(name)}`);
  }
}

const truth = (value: unknown): boolean =>
  Array.isArray(value)
    ? value.length > 0
    : typeof value === 'object' && value !== null
      ? Object.keys(value).length > 0
      : Boolean(value);

/** As Go's fmt prints with %v. */
function goText(value: unknown): string {
  if (value === undefined || value === null) return '<no value>';
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`;
  if (typeof value === 'object')
    return `map[${Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, field]) => `${key}:${goText(field)}`)
      .join(' ')}]`;
  return String(value);
}

function compare(a: unknown, b: unknown): number {
  if (typeof a !== typeof b || a === undefined) throw new Error('incompatible types for comparison');
  return a === b ? 0 : (a as number) < (b as number) ? -1 : 1;
}

function indexed(value: unknown, ...keys: unknown[]): unknown {
  let found = value;
  for (const key of keys) {
    if (Array.isArray(found)) {
      if (typeof key !== 'number' || key < 0 || key >= found.length)
        throw new Error(`error calling index: reflect: slice index out of range: ${goText(key)}`);
      found = found[key];
    } else if (typeof found === 'object' && found !== null)
      found = Object.hasOwn(found, String(key)) ? (found as Record<string, unknown>)[String(key)] : undefined;
    else throw new Error('error calling index: index of untyped nil');
  }
  return found;
}

function printf(format: unknown, ...args: unknown[]): string {
  let next = 0;
  return String(format).replace(
    /%(-?)(0?)(\d*)(?:\.(\d+))?([vsdqtfxTg%])/g,
    (_, left, zero, width, precision, verb) => {
      if (verb === '%') return '%';
      if (next >= args.length) return `%!${verb}(MISSING)`;
      const value = args[next++];
      const text =
        verb === 'q'
          ? JSON.stringify(goText(value))
          : verb === 'x'
            ? Number(value).toString(16)
            : verb === 'f'
              ? Number(value).toFixed(precision === undefined ? 6 : Number(precision))
              : goText(value);
      return left === '-' ? text.padEnd(Number(width)) : text.padStart(Number(width), zero === '0' ? '0' : ' ');
    },
  );
}

const htmlEscapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
};

const functions: Readonly<Record<string, (...args: unknown[]) => unknown>> = {
  and: () => undefined,
  or: () => undefined,
  not: (value) => !truth(value),
  len: (value) => (typeof value === 'string' ? Buffer.byteLength(value) : Object.keys((value ?? {}) as object).length),
  index: indexed,
  slice: (value, from = 0, to) =>
    (value as string | unknown[]).slice(Number(from), to === undefined ? undefined : Number(to)),
  eq: (value, ...others) => others.some((other) => value === other || goText(value) === goText(other)),
  ne: (a, b) => a !== b && goText(a) !== goText(b),
  lt: (a, b) => compare(a, b) < 0,
  le: (a, b) => compare(a, b) <= 0,
  gt: (a, b) => compare(a, b) > 0,
  ge: (a, b) => compare(a, b) >= 0,
  print: (...values) => values.map(goText).join(''),
  println: (...values) => `${values.map(goText).join(' ')}\n`,
  printf,
  html: (...values) =>
    values
      .map(goText)
      .join('')
      .replace(/[&<>"']/g, (letter) => htmlEscapes[letter] ?? letter),
  js: (...values) => JSON.stringify(values.map(goText).join('')).slice(1, -1),
  urlquery: (...values) => encodeURIComponent(values.map(goText).join('')).replaceAll('%20', '+'),
  /** kubectl's own. */
  exists(value, ...keys) {
    let found = value;
    for (const key of keys) {
      if (typeof found !== 'object' || found === null || !Object.hasOwn(found, String(key))) return false;
      found = (found as Record<string, unknown>)[String(key)];
    }
    return true;
  },
  base64decode: (text) => Buffer.from(String(text), 'base64').toString('utf8'),
};
