/**
 * The few commands that exist in a simulated container. There is no image and no process behind them: what cannot be
 * answered truthfully is said to be missing.
 */
import type { Clock } from '../../../apimachinery/clock.ts';
import type { ExecStreams } from '../runtime.ts';
import { absolutePath, FileError, type ShellFiles } from './simulated-files.ts';
import { runPipeline, splitAt } from './simulated-pipeline.ts';
import { makeFolders, packTar, parseTar, unpackTar } from './simulated-tar.ts';
import { readTerminal } from './terminal.ts';

export interface ShellWorld {
  environment: ReadonlyMap<string, string>;
  hostname: string;
  files: ShellFiles;
  clock: Clock;
}

export type ShellStreams = ExecStreams;
type Command = (args: readonly string[], world: ShellWorld, streams: ShellStreams) => Promise<number>;

/** Thrown by `exit`. */
class Exit extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

const say = async (streams: ShellStreams, lines: Iterable<string>): Promise<number> => {
  for (const line of lines) await streams.stdout(`${line}\n`);
  return 0;
};
/** Does it for each path; says for which it was not possible, and why. */
async function forEach(
  name: string,
  paths: readonly string[],
  streams: ShellStreams,
  act: (path: string) => Promise<void> | void,
): Promise<number> {
  let code = 0;
  for (const path of paths) {
    try {
      await act(absolutePath(path));
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      code = 1;
      await streams.stderr(`${name}: ${path}: ${error.message}\n`);
    }
  }
  return code;
}
/** For each file, or for standard input where none is named. */
async function overText(
  name: string,
  paths: readonly string[],
  world: ShellWorld,
  streams: ShellStreams,
  act: (text: string) => Promise<void>,
): Promise<number> {
  if (paths.length === 0) {
    const chunks: Buffer[] = [];
    for await (const chunk of streams.stdin) chunks.push(chunk);
    await act(Buffer.concat(chunks).toString());
    return 0;
  }
  return forEach(name, paths, streams, (path) => {
    const content = world.files.read(path);
    if (content === undefined) throw new FileError('No such file or directory');
    return act(content.toString());
  });
}
/** False, and told, when there are options that this command has not here: it must not do something else than asked. */
async function knowsOptions(
  name: string,
  args: readonly string[],
  known: readonly string[],
  streams: ShellStreams,
): Promise<boolean> {
  const unknown = args.find((arg) => arg.startsWith('-') && arg !== '-' && !known.includes(arg));
  if (unknown !== undefined) await streams.stderr(`${name}: ${unknown}: not supported in a simulated container\n`);
  return unknown === undefined;
}
const linesOf = (text: string): string[] => (text.endsWith('\n') ? text.slice(0, -1) : text).split('\n');
const operands = (args: readonly string[]): string[] => args.filter((arg) => !arg.startsWith('-'));

const commands: Readonly<Record<string, Command>> = {
  async cat(args, world, streams) {
    if (args.length === 0 || (args.length === 1 && args[0] === '-')) {
      for await (const chunk of streams.stdin) await streams.stdout(chunk);
      return 0;
    }
    return forEach('cat', args, streams, async (path) => {
      const content = world.files.read(path);
      if (content !== undefined) return streams.stdout(content);
      throw new FileError(world.files.isFolder(path) ? 'Is a directory' : 'No such file or directory');
    });
  },
  date: (_args, world, streams) => say(streams, [dateText(world.clock.now())]),
  async echo(args, _world, streams) {
    const [first, ...rest] = args;
    await streams.stdout(first === '-n' ? rest.join(' ') : `${args.join(' ')}\n`);
    return 0;
  },
  env: (_args, world, streams) =>
    say(
      streams,
      [...world.environment].map(([name, value]) => `${name}=${value}`),
    ),
  async exit(args) {
    throw new Exit(Number.parseInt(args[0] ?? '0', 10) & 255);
  },
  false: async () => 1,
  async grep(args, world, streams) {
    if (!(await knowsOptions('grep', args, ['-v', '-i', '-F'], streams))) return 2;
    const [pattern = '', ...paths] = operands(args);
    // Texts only: an expression of somebody's could keep the process busy for ever.
    if (!args.includes('-F') && /[\\^$.*[]/.test(pattern)) {
      await streams.stderr(`grep: ${pattern}: only texts are found in a simulated container (grep -F)\n`);
      return 2;
    }
    const fold = (text: string) => (args.includes('-i') ? text.toLowerCase() : text);
    const wanted = (line: string) => fold(line).includes(fold(pattern)) !== args.includes('-v');
    let found = false;
    const code = await overText('grep', paths, world, streams, async (text) => {
      for (const line of linesOf(text).filter(wanted)) {
        found = true;
        await streams.stdout(`${line}\n`);
      }
    });
    return code !== 0 ? 2 : found ? 0 : 1;
  },
  hostname: (_args, world, streams) => say(streams, [world.hostname]),
  async ls(args, world, streams) {
    const paths = operands(args);
    return forEach('ls', paths.length === 0 ? ['/'] : paths, streams, async (path) => {
      if (world.files.read(path) !== undefined) await say(streams, [path]);
      else if (world.files.isFolder(path)) await say(streams, world.files.names(path));
      else throw new FileError('No such file or directory');
    });
  },
  mkdir: (args, world, streams) =>
    forEach('mkdir', operands(args), streams, (path) => {
      if (args.includes('-p')) makeFolders(path, world.files);
      else world.files.makeFolder(path);
    }),
  async printenv(args, world, streams) {
    if (args.length === 0)
      return say(
        streams,
        [...world.environment].map(([name, value]) => `${name}=${value}`),
      );
    const values = args.flatMap((name) => world.environment.get(name) ?? []);
    await say(streams, values);
    return values.length === args.length ? 0 : 1;
  },
  rm: (args, world, streams) =>
    forEach('rm', operands(args), streams, (path) => {
      const { files } = world;
      const has = (letter: string) => args.some((arg) => arg.startsWith('-') && arg.includes(letter));
      if (has('f') && files.read(path) === undefined && !files.isFolder(path)) return;
      if (files.isFolder(path) && !has('r')) throw new FileError('Is a directory');
      files.remove(path);
    }),
  async wc(args, world, streams) {
    if (!(await knowsOptions('wc', args, ['-l', '-w', '-c'], streams))) return 1;
    return overText('wc', operands(args), world, streams, async (text) => {
      const lines = text.split('\n').length - 1;
      const words = text.split(/\s+/).filter((word) => word !== '').length;
      const all = { '-l': lines, '-w': words, '-c': Buffer.byteLength(text) };
      const asked = Object.entries(all).filter(([flag]) => args.includes(flag));
      await streams.stdout(
        `${(asked.length === 0 ? Object.entries(all) : asked).map(([, count]) => count).join(' ')}\n`,
      );
    });
  },
  pwd: (_args, _world, streams) => say(streams, ['/']),
  async sh(args, world, streams) {
    if (args[0] === '-c') return runScript(args[1] ?? '', world, streams, args.slice(2));
    if (args.length > 0 && args[0] !== '-i' && args[0] !== '-l') {
      await streams.stderr(`sh: can't open '${args[0]}': No such file or directory\n`);
      return 2;
    }
    return interactive(world, streams);
  },
  async sleep(args, world, streams) {
    const seconds = Number(args[0]);
    if (!Number.isFinite(seconds) || seconds < 0) {
      await streams.stderr(`sleep: invalid number '${args[0] ?? ''}'\n`);
      return 1;
    }
    await world.clock.sleep(seconds * 1000, streams.signal).catch(() => {});
    return 0;
  },
  async sort(args, world, streams) {
    if (!(await knowsOptions('sort', args, ['-r'], streams))) return 2;
    return overText('sort', operands(args), world, streams, async (text) => {
      const sorted = linesOf(text).sort();
      await say(streams, args.includes('-r') ? sorted.reverse() : sorted);
    });
  },
  async tar(args, world, streams) {
    try {
      const { create, folder, paths } = parseTar(args);
      if (!create) {
        await unpackTar(streams.stdin, folder, world.files);
        return 0;
      }
      const missing: string[] = [];
      const blocks = packTar(paths, world.files, world.clock.now(), (path) => missing.push(path));
      for (const block of blocks) await streams.stdout(block);
      for (const path of missing) await streams.stderr(`tar: ${path}: No such file or directory\n`);
      return missing.length === 0 ? 0 : 1;
    } catch (error) {
      await streams.stderr(`tar: ${(error as Error).message}\n`);
      return 1;
    }
  },
  async test([kind, path = ''], { files }) {
    const whole = absolutePath(path);
    const isFile = files.read(whole) !== undefined;
    if (kind === '-f') return isFile ? 0 : 1;
    if (kind === '-d') return files.isFolder(whole) ? 0 : 1;
    return kind === '-e' && (isFile || files.isFolder(whole)) ? 0 : 1;
  },
  true: async () => 0,
};
const shells = new Set(['sh', 'bash', 'ash']);

/** Runs one command line, already split into words; resolves with its exit code. */
export async function runCommand(words: readonly string[], world: ShellWorld, streams: ShellStreams): Promise<number> {
  try {
    return await start(words, world, streams.tty ? withCarriageReturns(streams) : streams);
  } catch (error) {
    if (error instanceof Exit) return error.code;
    throw error;
  }
}

function start(words: readonly string[], world: ShellWorld, streams: ShellStreams): Promise<number> {
  const [word = '', ...args] = words;
  const base = word.replace(/^\/(usr\/)?(local\/)?bin\//, '');
  const name = shells.has(base) ? 'sh' : base;
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command !== undefined) return command(args, world, streams);
  const known = Object.keys(commands).join(', ');
  return streams.stderr(`sh: ${word}: not found (a simulated container knows only: ${known})\n`).then(() => 127);
}

async function interactive(world: ShellWorld, streams: ShellStreams): Promise<number> {
  const prompt = streams.tty ? '# ' : '';
  let code = 0;
  await streams.stdout(prompt);
  for await (const line of readTerminal(streams.stdin, streams.tty ? (echo) => streams.stdout(echo) : undefined)) {
    code = await runScript(line, world, streams, [], code);
    await streams.stdout(prompt);
  }
  return code;
}

const withCarriageReturns = (streams: ShellStreams): ShellStreams => {
  const translate = (chunk: string | Buffer): string => chunk.toString().replace(/\r?\n/g, '\r\n');
  return {
    ...streams,
    stdout: (chunk) => streams.stdout(translate(chunk)),
    stderr: (chunk) => streams.stderr(translate(chunk)),
  };
};

/** `a; b && c || d`, `a | b`, `a > file`, quotes and variables. Throws Exit. */
async function runScript(
  script: string,
  world: ShellWorld,
  streams: ShellStreams,
  args: readonly string[],
  before = 0,
): Promise<number> {
  let code = before;
  let skip = false;
  const lookUp = (name: string): string => {
    if (name === '?') return String(code);
    return /^\d$/.test(name) ? (args[Number(name)] ?? '') : (world.environment.get(name) ?? '');
  };
  for (const { text, operator } of splitScript(script)) {
    if (!skip && text.trim() !== '') {
      const unsupported = unquoted(text)
        .replace(/2>&1|1?>&2|2>/g, '>')
        .match(/[`&()]|\$\(/)?.[0];
      if (unsupported !== undefined) {
        await streams.stderr(`sh: ${unsupported}: not supported in a simulated container\n`);
        code = 2;
      } else code = await runPipeline(text, (part) => splitWords(part, lookUp), world, streams, start);
    }
    skip = (operator === '&&' && code !== 0) || (operator === '||' && code === 0);
  }
  return code;
}

const quoted = /'[^']*'|"(?:\\.|[^"\\])*"|\\./gs;
const unquoted = (text: string): string => text.replace(quoted, '');

function splitScript(script: string): { text: string; operator: string }[] {
  const parts: { text: string; operator: string }[] = [];
  for (const [text = '', operator = ''] of splitAt(script, '&&|\\|\\||;|\\n')) parts.push({ text, operator });
  return parts;
}

function splitWords(text: string, lookUp: (name: string) => string): string[] {
  const expand = (part: string): string =>
    part.replace(/\$(?:\{(\w+)\}|(\w+|\?))/g, (_, braced: string | undefined, bare: string | undefined) =>
      lookUp(braced ?? bare ?? ''),
    );
  const words: string[] = [];
  let word: string | undefined;
  for (const [part] of text.matchAll(/'[^']*'|"(?:\\.|[^"\\])*"|\\.|\s+|[^\s'"\\]+|['"\\]/gs)) {
    if (/^\s/.test(part)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (part.length > 1 && part.startsWith("'")) word = (word ?? '') + part.slice(1, -1);
    else if (part.length > 1 && part.startsWith('"'))
      word = (word ?? '') + expand(part.slice(1, -1)).replace(/\\(["\\$`])/g, '$1');
    else if (part.length > 1 && part.startsWith('\\')) word = (word ?? '') + part.slice(1);
    else word = (word ?? '') + expand(part);
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** `Sun Nov 22 21:33:31 UTC 2026` */
function dateText(now: number): string {
  const [day = '', date = '', month = '', year = '', time = ''] = new Date(now)
    .toUTCString()
    .replace(',', '')
    .split(' ');
  return `${day} ${month} ${date.replace(/^0/, ' ')} ${time} UTC ${year}`;
}
