/** A bound on nesting: what walks objects does so by recursion, and a body of 3 MiB can nest a million times. */

/** Levels of maps and lists inside each other that a body may have; the deepest honest ones are schemas in CRDs. */
export const maxJsonDepth = 1000;

export const tooDeep = 'exceeded max depth';

/**
 * How many keys stand in a JSON text, told by their colons; brackets and colons inside of strings do not count. Throws an Error in
 * Go's words for a text that nests deeper than the bound. One pass, with a count in the place of a stack.
 */
export function keysInText(text: string): number {
  let depth = 0;
  let keys = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 34: // "
        for (at++; at < text.length && text.charCodeAt(at) !== 34; at++) if (text.charCodeAt(at) === 92) at++;
        break;
      case 58: // :
        keys++;
        break;
      case 91: // [
      case 123: // {
        if (++depth > maxJsonDepth) throw new Error(tooDeep);
        break;
      case 93: // ]
      case 125: // }
        depth--;
        break;
    }
  }
  return keys;
}

/** Whether a value nests too deep that did not come from JSON. Level by level, without recursion. */
export function isTooDeep(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > maxJsonDepth) return true;
    level = level.flatMap((each) => (typeof each === 'object' && each !== null ? Object.values(each) : []));
  }
  return false;
}
