/** From the words typed to a command, its output and an exit code. */
import { describeFlags, FlagError, parseFlags } from '../component/flags.ts';
import { type CommandEntry, type CommandGroup, type CommandIo, ExitCode, globalFlags, UsageError } from './command.ts';
import { commandTable } from './command-table.ts';
import { errorText } from './error-text.ts';

const executable = 'karmadactl';
const groups: readonly CommandGroup[] = [
  'Basic Commands',
  'Cluster Registration Commands',
  'Cluster Management Commands',
  'Troubleshooting and Debugging Commands',
  'Advanced Commands',
  'Settings Commands',
  'Other Commands',
];

/** Hidden in the help of each command, and listed by `options`. */
const shownGlobalFlags = { v: { ...globalFlags.v, hidden: false } };

/** The exit code: 0, or 1 after any error; exec passes on what the command ended with. */
export async function runKarmadactl(argv: readonly string[], io: CommandIo, signal: AbortSignal): Promise<number> {
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
  if (word === undefined || (word === 'help' && rest.length === 0)) {
    const unknown = word === undefined ? firstUnknownFlag(rest) : undefined;
    if (unknown !== undefined) return fail(`error: ${unknown}\nSee '${executable} --help' for usage.`);
    io.stdout(rootHelp());
    return 0;
  }
  const name = word === 'help' ? (rest[0] ?? '') : word;
  if (name === 'options') {
    io.stdout(`The following options can be passed to any command:\n\n${describeFlags(shownGlobalFlags)}\n`);
    return 0;
  }
  const entry = commandTable.find((candidate) => candidate.name === name);
  if (entry === undefined) return fail(`error: ${unknownCommand(name)}`);
  const body = await entry.load();
  const flags = { ...body.flags, ...globalFlags };
  if (word === 'help') {
    io.stdout(commandHelp(entry, describeFlags(flags)));
    return 0;
  }
  try {
    const wantsHelp = rest.includes('--help') || rest.includes('-h');
    const parsed = parseFlags(flags, body.anyFlags === true ? (wantsHelp ? ['--help'] : []) : rest);
    if (parsed.help) {
      io.stdout(commandHelp(entry, describeFlags(flags)));
      return 0;
    }
    for (const warning of parsed.warnings) io.stderr(`${warning}\n`);
    await body.run({ values: parsed.values as never, given: parsed.given, args: parsed.args, io, signal });
    return 0;
  } catch (error) {
    if (error instanceof ExitCode) return error.code;
    if (error instanceof FlagError)
      return fail(`error: ${error.message}\nSee '${executable} ${name} --help' for usage.`);
    if (error instanceof UsageError)
      return fail(`error: ${error.message}\nSee '${executable} ${name} -h' for help and examples`);
    return fail(errorText(error));
  }
}

/**
 * The first word that is no flag names the command. A flag in front of it belongs to the command, and takes the next word with
 * it unless it is written with `=`: whether it is a boolean is not known before the command is.
 */
function splitCommand(argv: readonly string[]): { word: string | undefined; rest: string[] } {
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

function firstUnknownFlag(argv: readonly string[]): string | undefined {
  try {
    parseFlags(globalFlags, argv);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

function unknownCommand(name: string): string {
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

function rootHelp(): string {
  const width = Math.max(...commandTable.map(({ name }) => name.length));
  const blocks = groups
    .map((group) => {
      const lines = commandTable
        .filter((entry) => entry.group === group)
        .map(({ name, short }) => `  ${name.padEnd(width)}   ${short}`);
      return lines.length === 0 ? '' : `${group}:\n${lines.join('\n')}\n\n`;
    })
    .join('');
  return `${executable} controls a Kubernetes Cluster Federation.\n\nUsage:\n  ${executable} [flags]\n  ${executable} [command]\n\n${blocks}Use "${executable} <command> --help" for more information about a given command.\n`;
}

function commandHelp(entry: CommandEntry, flags: string): string {
  const examples = entry.examples.trim().replace(/^/gm, '  ');
  return `${entry.short}\n\nExamples:\n${examples}\n\nOptions:\n${flags}\n\nUsage:\n  ${executable} ${entry.usage}\n`;
}
