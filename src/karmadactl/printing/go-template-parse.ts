/** Reads Go templates: text and actions, pipelines, blocks. */
import { functions } from './go-template-functions.ts';

export type Expression =
  | { kind: 'literal'; value: unknown }
  | { kind: 'field'; of: Expression | undefined; path: string[] }
  | { kind: 'variable'; name: string }
  | { kind: 'call'; name: string; args: Expression[] };

export interface Pipeline {
  declare: string[];
  assign: boolean;
  commands: Expression[];
}

export type Node =
  | { kind: 'text'; text: string }
  | { kind: 'print'; pipeline: Pipeline }
  | { kind: 'if' | 'with' | 'range'; pipeline: Pipeline; body: Node[]; otherwise: Node[] }
  | { kind: 'break' }
  | { kind: 'continue' };

interface Token {
  action: boolean;
  text: string;
}

/** Text and actions, blanks trimmed where `{{-` and `-}}` ask for it. */
export function tokens(template: string): Token[] {
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

export function parseNodes(list: readonly Token[]): Node[] {
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
