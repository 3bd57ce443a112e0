/**
 * Objects that an expression makes: `Object.spec{replicas: 1}`, `JSONPatch{op: "add", …}`. The parser knows maps only, so they are written
 * as such, `{"replicas": 1}`; whether the fields are those of the kind is seen when the object is used.
 */
import { CompileError } from './node.ts';
import { endOfTextOrComment } from './source-text.ts';

const message = /(?:Object(?:\.[A-Za-z_]\w*)*|JSONPatch)\s*\{/y;
const word = /[A-Za-z_]\w*/y;
const quotedField = /`([^`]*)`/y;
const patchFields: ReadonlySet<string> = new Set(['op', 'path', 'from', 'value']);

/** Throws CompileError for fields that a JSONPatch does not have. */
export function withoutMessages(expression: string): string {
  let out = '';
  let at = 0;
  /** Open brackets; of messages the name. */
  const open: (string | undefined)[] = [];
  let wantsField = false;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    return pattern.exec(expression);
  };
  const take = (length: number): void => {
    out += expression.slice(at, at + length);
    at += length;
  };
  while (at < expression.length) {
    const end = endOfTextOrComment(expression, at);
    if (end !== undefined) {
      take(end - at);
      continue;
    }
    const field = wantsField ? (match(quotedField) ?? match(word)) : null;
    if (field !== null) {
      const name = field[1] ?? field[0];
      if (open.at(-1) === 'JSONPatch' && !patchFields.has(name))
        throw new CompileError(`undefined field '${name}'`, at);
      out += JSON.stringify(name);
      at += field[0].length;
      wantsField = false;
      continue;
    }
    const made = /[\w.]/.test(expression[at - 1] ?? '') ? null : match(message);
    if (made !== null) {
      open.push(made[0].replace(/\s*\{$/, ''));
      out += '{';
      at += made[0].length;
      wantsField = true;
      continue;
    }
    const name = match(word);
    if (name !== null) {
      take(name[0].length);
      continue;
    }
    const character = expression[at] as string;
    if ('{[('.includes(character)) open.push(undefined);
    else if ('}])'.includes(character)) {
      open.pop();
      wantsField = false;
    } else if (character === ',') wantsField = open.at(-1) !== undefined;
    take(1);
  }
  return out;
}
