/** `a | b > file`: one command after the other, each with what the one before has written. */
import { absolutePath, FileError } from './simulated-files.ts';
import type { ShellStreams, ShellWorld } from './simulated-shell.ts';

/** What one command hands to the next, or to a file. */
const maxPipeBytes = 16 * 1024 * 1024;

type Start = (words: readonly string[], world: ShellWorld, streams: ShellStreams) => Promise<number>;

/** The exit code is that of the last command. `words` splits and expands. */
export async function runPipeline(
  text: string,
  words: (part: string) => string[],
  world: ShellWorld,
  streams: ShellStreams,
  start: Start,
): Promise<number> {
  const parts = splitAt(text, '\\|').map(([part = '']) => part);
  let stdin = streams.stdin;
  let code = 0;
  for (const [index, part] of parts.entries()) {
    const last = index === parts.length - 1;
    const written: Buffer[] = [];
    const keep = async (chunk: string | Buffer): Promise<void> => {
      written.push(Buffer.from(chunk));
      if (written.reduce((sum, { length }) => sum + length, 0) > maxPipeBytes) throw new FileError('File too large');
    };
    try {
      code = await runRedirected(
        part,
        words,
        world,
        { ...streams, stdin, stdout: last ? streams.stdout : keep },
        start,
      );
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      await streams.stderr(`sh: ${error.message}\n`);
      code = 1;
    }
    stdin = (async function* () {
      yield* written;
    })();
  }
  return code;
}

const operators = '2>&1|(?<=\\s)1>&2|>&2|2>>|2>|>>|>|<';

async function runRedirected(
  text: string,
  words: (part: string) => string[],
  world: ShellWorld,
  streams: ShellStreams,
  start: Start,
): Promise<number> {
  const pieces = splitAt(text, operators);
  let command = pieces[0]?.[0] ?? '';
  let own = { ...streams };
  const files: { path: string; chunks: Buffer[] }[] = [];
  for (let i = 1; i < pieces.length; i++) {
    const operator = pieces[i - 1]?.[1] ?? '';
    const rest = pieces[i]?.[0] ?? '';
    if (operator === '2>&1') {
      own = { ...own, stderr: own.stdout };
      command += ` ${rest}`;
      continue;
    }
    if (operator.endsWith('>&2')) {
      own = { ...own, stdout: own.stderr };
      command += ` ${rest}`;
      continue;
    }
    const [name = '', ...more] = words(rest);
    if (name === '') throw new FileError('syntax error: unexpected end of line');
    command += more.map((word) => ` '${word}'`).join('');
    const path = absolutePath(name);
    if (operator === '<') {
      const content = world.files.read(path);
      if (content === undefined) throw new FileError(`can't open ${name}: no such file`);
      own = {
        ...own,
        stdin: (async function* () {
          yield content;
        })(),
      };
      continue;
    }
    const before = operator.endsWith('>>') ? world.files.read(path) : undefined;
    const file = { path, chunks: before === undefined ? [] : [before] };
    const write = async (chunk: string | Buffer): Promise<void> => void file.chunks.push(Buffer.from(chunk));
    own = operator.startsWith('2') ? { ...own, stderr: write } : { ...own, stdout: write };
    if (path !== '/dev/null') files.push(file);
  }
  // A file that cannot be written is told before the command runs, as by a shell.
  const save = (): void => {
    for (const { path, chunks } of files) {
      try {
        world.files.write(path, Buffer.concat(chunks));
      } catch (error) {
        if (!(error instanceof FileError)) throw error;
        throw new FileError(`can't create ${path}: ${error.message}`);
      }
    }
  };
  save();
  const code = await start(words(command), world, own);
  save();
  return code;
}

/** Splits at operators outside of quotes: each piece with the operator that ends it. */
export function splitAt(text: string, operators: string): [piece: string, operator: string][] {
  const token = new RegExp(`'[^']*'|"(?:\\\\.|[^"\\\\])*"|\\\\.|(${operators})|[\\s\\S]`, 'g');
  const pieces: [string, string][] = [];
  let piece = '';
  for (const match of text.matchAll(token)) {
    if (match[1] === undefined) piece += match[0];
    else {
      pieces.push([piece, match[1]]);
      piece = '';
    }
  }
  pieces.push([piece, '']);
  return pieces;
}
