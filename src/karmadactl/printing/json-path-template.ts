/** kubectl's JSONPath templates: `{.items[*].metadata.name}`, `{range .items[*]}{.metadata.name}{"\n"}{end}`, text between. */
import { compileJsonPath, type JsonPath } from '../../apimachinery/json-path.ts';
import { goJson } from './go-json.ts';

type Part =
  | { kind: 'text'; text: string }
  | { kind: 'path'; text: string; find: JsonPath }
  | { kind: 'range'; find: JsonPath; parts: Part[] };

export interface JsonPathTemplate {
  /** @throws when something is not found and missing keys are not allowed */
  print(value: unknown): string;
  /** What each expression finds, one list an expression. */
  find(value: unknown): unknown[][];
}

/** @throws when the template cannot be read */
export function compileJsonPathTemplate(template: string, allowMissing = true): JsonPathTemplate {
  const parts = parse(template);
  const print = (list: readonly Part[], value: unknown): string =>
    list
      .map((part) => {
        if (part.kind === 'text') return part.text;
        const found = part.find(value);
        if (part.kind === 'range') return found.map((each) => print(part.parts, each)).join('');
        if (found.length === 0 && !allowMissing && isPlainPath(part.text))
          throw new Error(`${part.text.slice(1)} is not found`);
        return found.map(textOf).join(' ');
      })
      .join('');
  return {
    print: (value) => print(parts, value),
    find: (value) => parts.flatMap((part) => (part.kind === 'path' ? [part.find(value)] : [])),
  };
}

/** Filters and wildcards may find nothing; a field that is named may not. */
const isPlainPath = (text: string): boolean => !/[*?:]|\.\./.test(text);

/** As `--sort-by` and custom columns take it: with or without braces and the leading dot. */
export function relaxedPath(text: string): JsonPath {
  const inner = /^\{?(.*?)\}?$/s.exec(text.trim())?.[1] ?? '';
  const path = inner.replace(/^[$@]/, '');
  return pathOf(path.startsWith('.') || path.startsWith('[') ? path : `.${path}`);
}

function pathOf(text: string): JsonPath {
  const path = text.replace(/^[$@]/, '');
  if (path === '' || path === '.') return (root) => [root];
  // A bare name is a field: `{range items[*]}`.
  return compileJsonPath(/^[.[]/.test(path) ? path : `.${path}`);
}

export const textOf = (value: unknown): string =>
  typeof value === 'string'
    ? value
    : value === null
      ? '<nil>'
      : typeof value === 'object'
        ? goJson(value)
        : String(value);

function parse(template: string): Part[] {
  const root: Part[] = [];
  const open: Part[][] = [];
  let current = root;
  let at = 0;
  while (at < template.length) {
    const start = template.indexOf('{', at);
    if (start < 0) {
      current.push({ kind: 'text', text: template.slice(at) });
      break;
    }
    if (start > at) current.push({ kind: 'text', text: template.slice(at, start) });
    const end = closingBrace(template, start);
    const action = template.slice(start + 1, end).trim();
    at = end + 1;
    if (action === 'end') {
      const outer = open.pop();
      if (outer === undefined) throw new Error('not in range, nothing to end');
      current = outer;
    } else if (/^range\s/.test(action)) {
      const part: Part = { kind: 'range', find: pathOf(action.slice(5).trim()), parts: [] };
      current.push(part);
      open.push(current);
      current = part.parts;
    } else for (const word of words(action)) current.push(partOf(word));
  }
  if (open.length > 0) throw new Error('unclosed action: {range} without {end}');
  return root;
}

function partOf(word: string): Part {
  const quote = word[0];
  if (quote === '"' || quote === "'") return { kind: 'text', text: unquoted(word) };
  return { kind: 'path', text: word, find: pathOf(word) };
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };
const unquoted = (word: string): string =>
  word.slice(1, -1).replace(/\\(.)/g, (_, letter: string) => escapes[letter] ?? letter);

/** Beyond quoted text. */
function closingBrace(template: string, start: number): number {
  let quote = '';
  for (let at = start + 1; at < template.length; at++) {
    const letter = template[at] ?? '';
    if (letter === '\\') at++;
    else if (quote !== '') {
      if (letter === quote) quote = '';
    } else if (letter === '"' || letter === "'") quote = letter;
    else if (letter === '}') return at;
  }
  throw new Error('unclosed action');
}

/** `{.a .b}`: several expressions, split at blanks outside quotes and brackets. */
function words(action: string): string[] {
  const found: string[] = [];
  let word = '';
  let quote = '';
  let depth = 0;
  for (let at = 0; at < action.length; at++) {
    const letter = action[at] ?? '';
    if (quote !== '') {
      if (letter === '\\') word += letter + (action[++at] ?? '');
      else {
        word += letter;
        if (letter === quote) quote = '';
      }
      continue;
    }
    if (letter === '"' || letter === "'") quote = letter;
    if (letter === '[' || letter === '(') depth++;
    if (letter === ']' || letter === ')') depth--;
    if (/\s/.test(letter) && depth === 0) {
      if (word !== '') found.push(word);
      word = '';
    } else word += letter;
  }
  if (word !== '') found.push(word);
  return found;
}
