/** The functions of Go's text/template, and kubectl's own; how Go prints values. */

export const truth = (value: unknown): boolean =>
  Array.isArray(value)
    ? value.length > 0
    : typeof value === 'object' && value !== null
      ? Object.keys(value).length > 0
      : Boolean(value);

/** As Go's fmt prints with %v. */
export function goText(value: unknown): string {
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

export const functions: Readonly<Record<string, (...args: unknown[]) => unknown>> = {
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
