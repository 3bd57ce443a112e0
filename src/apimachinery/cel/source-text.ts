/** Where texts and comments of an expression end: what they say is no part of its form. */
const opening = /[rR]?[bB]?(?:"""|'''|"|')/y;

/** The end of the text or comment that begins at `at`; undefined where none begins. */
export function endOfTextOrComment(expression: string, at: number): number | undefined {
  if (expression.startsWith('//', at)) {
    const end = expression.indexOf('\n', at);
    return end < 0 ? expression.length : end;
  }
  opening.lastIndex = at;
  const begins = opening.exec(expression)?.[0];
  return begins === undefined ? undefined : endOfText(expression, at, begins);
}

function endOfText(expression: string, start: number, begins: string): number {
  const quote = begins.replace(/^[rRbB]+/, '');
  const raw = /^[bB]?[rR]/.test(begins);
  for (let at = start + begins.length; at < expression.length; at++) {
    if (!raw && expression[at] === '\\') at++;
    else if (expression.startsWith(quote, at)) return at + quote.length;
  }
  return expression.length;
}
