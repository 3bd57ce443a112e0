/**
 * The question marks of optional entries, `[?x]` and `{?"a": x}`: the parser does not know them, so they are taken out of the text (a
 * space stands for each) and found again by their place.
 */
import { endOfTextOrComment } from './source-text.ts';

const word = /[A-Za-z_]\w*/y;

export function withoutOptionalMarks(expression: string): { plain: string; marks: readonly number[] } {
  const marks: number[] = [];
  if (!expression.includes('?')) return { plain: expression, marks };
  /** Open brackets; the ones that hold entries are true. */
  const open: boolean[] = [];
  let mayBegin = false;
  /** After a value, `[` reads an element of it. */
  let afterValue = false;
  for (let at = 0; at < expression.length; ) {
    const end = endOfTextOrComment(expression, at);
    if (end !== undefined) {
      if (expression[at] !== '/') [mayBegin, afterValue] = [false, true];
      at = end;
      continue;
    }
    word.lastIndex = at;
    const name = word.exec(expression)?.[0];
    if (name !== undefined) {
      [mayBegin, afterValue] = [false, name !== 'in'];
      at += name.length;
      continue;
    }
    const character = expression[at] as string;
    at++;
    if (/\s/.test(character)) continue;
    if (character === '?' && mayBegin) marks.push(at - 1);
    if ('[{('.includes(character)) {
      open.push(character === '{' || (character === '[' && !afterValue));
      [mayBegin, afterValue] = [open.at(-1) === true, false];
    } else if (']})'.includes(character)) {
      open.pop();
      [mayBegin, afterValue] = [false, true];
    } else {
      mayBegin = character === ',' && open.at(-1) === true;
      afterValue = /[\d`]/.test(character);
    }
  }
  if (marks.length === 0) return { plain: expression, marks };
  const characters = [...expression.split('')];
  for (const at of marks) characters[at] = ' ';
  return { plain: characters.join(''), marks };
}
