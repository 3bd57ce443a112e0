/** From the words typed to a command, its output and an exit code. */
import { FlagError, parseFlags } from '../component/flags.ts';
import { type CommandEntry, type CommandIo, ExitCode, globalFlags, UsageError } from './command.ts';
import { commandTable } from './command-table.ts';
import { errorText } from './error-text.ts';
import { commandHelp, optionsHelp, rootHelp } from './help.ts';

/** `executable` is what the tool is called in its texts: `karmadactl`, or `kubectl karmada`. The exit code: 0, or 1 after any error; exec passes on what the command ended with. */
export async function runKarmadactl(
  argv: readonly string[],
  io: CommandIo,
  signal: AbortSignal,
  executable = 'karmadactl',
): Promise<number> {
  const fail = (text: string): number => {
    io.stderr(`${text}\n`);
    return 1;
  };
  if (argv[0] === '__complete') {
    const { complete } = await import('./completion.ts');
    for (const line of await complete(argv.slice(1), signal)) io.stdout(`${line}\n`);
    return 0;
  }
  const { word, rest } = splitCommand(argv);
  if (word === undefined || (word === 'help' && rest.every((other) => other.startsWith('-')))) {
    const unknown = word === undefined ? firstUnknownFlag(rest) : undefined;
    if (unknown !== undefined) return fail(`error: ${unknown}\nSee '${executable} --help' for usage.`);
    io.stdout(rootHelp(commandTable, executable));
    return 0;
  }
  const asked = word === 'help' ? splitCommand(rest) : { word, rest };
  const name = asked.word ?? '';
  if (name === 'options') {
    io.stdout(optionsHelp());
    return 0;
  }
  const entry = findEntry(commandTable, name);
  if (entry === undefined) return fail(`error: ${unknownCommand(name, executable)}`);
  const { path, command, rest: words } = descend(entry, asked.rest);
  const shown = `${executable} ${path}`;
  if (word === 'help') {
    io.stdout(await commandHelp(command, path, executable));
    return 0;
  }
  try {
    const wantsHelp = words.includes('--help') || words.includes('-h');
    if (command.load === undefined) {
      const { args } = parseFlags(globalFlags, wantsHelp ? ['--help'] : words);
      if (args.length > 0) throw new UsageError(`unknown command ${JSON.stringify(args.join(' '))}`);
      io.stdout(await commandHelp(command, path, executable));
      return 0;
    }
    const body = await command.load();
    const flags = { ...body.flags, ...globalFlags };
    const parsed = parseFlags(flags, body.anyFlags === true ? (wantsHelp ? ['--help'] : []) : words);
    if (parsed.help) {
      io.stdout(await commandHelp(command, path, executable));
      return 0;
    }
    for (const warning of parsed.warnings) io.stderr(`${warning}\n`);
    await body.run({ values: parsed.values as never, given: parsed.given, args: parsed.args, io, signal });
    return 0;
  } catch (error) {
    if (error instanceof ExitCode) return error.code;
    if (error instanceof FlagError) return fail(`error: ${error.message}\nSee '${shown} --help' for usage.`);
    if (error instanceof UsageError) return fail(`error: ${error.message}\nSee '${shown} -h' for help and examples`);
    return fail(errorText(error));
  }
}

/**
 * The first word that is no flag names the command. A flag in front of it belongs to the command, and takes the next word with
 * it unless it is written with `=`: whether it is a boolean is not known before the command is.
 */
export function splitCommand(argv: readonly string[]): { word: string | undefined; rest: string[] } {
  for (let i = 0; i < argv.length; i++) {
    const arg = argv[i]!;
    if (arg === '--') break;
    if (!arg.startsWith('-') || arg === '-') return { word: arg, rest: argv.filter((_, at) => at !== i) };
    if (arg === '-h' || arg === '--help') continue;
    const takesNext = arg.startsWith('--') ? !arg.includes('=') : arg.length === 2;
    if (takesNext) i++;
  }
  return { word: undefined, rest: [...argv] };
}

export function findEntry(entries: readonly CommandEntry[], name: string): CommandEntry | undefined {
  return entries.find((entry) => entry.name === name || entry.aliases?.includes(name) === true);
}

/** Follows the words as far as they name commands below commands. `path`: `create secret tls`. */
export function descend(
  entry: CommandEntry,
  words: readonly string[],
): { path: string; command: CommandEntry; rest: readonly string[] } {
  const { word, rest } = splitCommand(words);
  const child = word === undefined ? undefined : findEntry(entry.children ?? [], word);
  if (child === undefined) return { path: entry.name, command: entry, rest: words };
  const below = descend(child, rest);
  return { ...below, path: `${entry.name} ${below.path}` };
}

function firstUnknownFlag(argv: readonly string[]): string | undefined {
  try {
    parseFlags(globalFlags, argv);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function unknownCommand(name: string, executable: string): string {
  const close = commandTable
    .map((entry) => entry.name)
    .filter((known) => known.startsWith(name) || distance(known, name) <= 2);
  const text = `unknown command "${name}" for "${executable}"`;
  return close.length === 0
    ? text
    : `${text}\n\nDid you mean this?\n${close.map((known) => `\t${known}`).join('\n')}\n`;
}

/** Levenshtein. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length]!;
}
