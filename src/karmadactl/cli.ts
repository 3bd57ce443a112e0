/** From the words typed to a command, its output and an exit code. */
import { FlagError, parseFlags } from '../component/flags.ts';
import { type CommandIo, ExitCode, UsageError } from './command.ts';
import { commandTable } from './command-table.ts';
import { descend, findEntry, splitCommand } from './command-words.ts';
import { errorText } from './error-text.ts';
import { commandHelp, optionsHelp, rootHelp } from './help.ts';
import { createKlog, klogFlags, requestObserver } from './klog.ts';

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
  if (argv[0] === '__complete' || argv[0] === '__completeNoDesc') {
    const { complete } = await import('./completion/complete.ts');
    const lines = await complete(argv.slice(1), signal);
    const shown = argv[0] === '__complete' ? lines : lines.map((line) => line.replace(/\t.*/s, ''));
    io.stdout(shown.map((line) => `${line}\n`).join(''));
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
      const { args } = parseFlags(klogFlags, wantsHelp ? ['--help'] : words);
      if (args.length > 0 && command.lenient !== true)
        throw new UsageError(`unknown command ${JSON.stringify(args.join(' '))}`);
      io.stdout(await commandHelp(command, path, executable));
      return 0;
    }
    const body = await command.load();
    const flags = { ...body.flags, ...klogFlags };
    const parsed = parseFlags(flags, body.anyFlags === true ? (wantsHelp ? ['--help'] : []) : words);
    if (parsed.help) {
      io.stdout(await commandHelp(command, path, executable));
      return 0;
    }
    for (const warning of parsed.warnings) io.stderr(`${warning}\n`);
    const log = createKlog(parsed.values, io);
    for (const notice of parsed.notices) log.write('W', 'helpers.go', notice);
    // Only with a command that asks a server is there anything to see.
    if ('kubeconfig' in flags) (await import('./clients.ts')).observeRequests(requestObserver(log, io));
    const { values, given, args } = parsed;
    await body.run({ values: values as never, given, args, io, signal, executable });
    return 0;
  } catch (error) {
    if (error instanceof ExitCode) return error.code;
    if (error instanceof FlagError)
      return fail(`error: ${error.message}${error.plain ? '' : `\nSee '${shown} --help' for usage.`}`);
    if (error instanceof UsageError) return fail(`error: ${error.message}\nSee '${shown} -h' for help and examples`);
    return fail(errorText(error));
  }
}

function firstUnknownFlag(argv: readonly string[]): string | undefined {
  try {
    parseFlags(klogFlags, argv);
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
