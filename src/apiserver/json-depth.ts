/** A bound on nesting: what walks objects does so by recursion, and a body of 3 MiB can nest a million times. */

/** Levels of maps and lists inside each other that a body may have; the deepest honest ones are schemas in CRDs. */
export const maxJsonDepth = 1000;

/** JSON.parse with the bound. Throws an Error in Go's words for text that nests deeper, SyntaxError for what is no JSON. */
export function parseBoundedJson(text: string): unknown {
  if (text.length > maxJsonDepth && isTextTooDeep(text)) throw new Error(tooDeep);
  return JSON.parse(text);
}

export const tooDeep = 'exceeded max depth';

/** One pass over the text, with a count in the place of a stack; brackets inside of strings do not count. */
function isTextTooDeep(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 34: // "
        for (at++; at < text.length && text.charCodeAt(at) !== 34; at++) if (text.charCodeAt(at) === 92) at++;
        break;
      case 91: // [
      case 123: // {
        if (++depth > maxJsonDepth) return true;
        break;
      case 93: // ]
      case 125: // }
        depth--;
        break;
    }
  }
  return false;
}

/** The same of a value that did not come from JSON. Level by level, without recursion. */
export function isTooDeep(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > maxJsonDepth) return true;
    level = level.flatMap((each) => (typeof each === 'object' && each !== null ? Object.values(each) : []));
  }
  return false;
}
