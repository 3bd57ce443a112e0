/** Which command the words of a line mean. Pure. */
import type { CommandEntry } from './command.ts';

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
