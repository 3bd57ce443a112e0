/** Lines out of what somebody types; with an echo, as a terminal in cooked mode: backspace, Ctrl-C drops the line, Ctrl-D ends. */

const maxLineLength = 64 * 1024;

/** Without `echo` the input is plain text. Ends with the input, whose last line needs no line feed. */
export async function* readTerminal(
  input: AsyncIterable<Buffer>,
  echo: ((text: string) => Promise<void>) | undefined,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let line = '';
  for await (const chunk of input) {
    for (const character of decoder.decode(chunk, { stream: true })) {
      if (character === '\n' || (echo !== undefined && character === '\r')) {
        await echo?.('\r\n');
        const whole = line;
        line = '';
        yield whole;
      } else if (echo === undefined) line += character;
      else if (character === '\x04') {
        if (line === '') return;
      } else if (character === '\x03') {
        await echo('^C\r\n');
        line = '';
        yield '';
      } else if (character === '\x7f' || character === '\b') {
        if (line !== '') await echo('\b \b');
        line = [...line].slice(0, -1).join('');
      } else if (character >= ' ') {
        line += character;
        await echo(character);
      }
      if (line.length > maxLineLength) throw new Error(`a line is longer than ${maxLineLength} characters`);
    }
  }
  if (line !== '') yield line;
}
