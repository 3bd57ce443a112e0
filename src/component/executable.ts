/** The command line of an executable without sub-commands: `--help`, wrong flags, then its values. */
import { describeFlags, FlagError, type FlagTable, type FlagValues, parseFlags } from './flags.ts';

export interface Executable<F extends FlagTable> {
  name: string;
  /** What it does, in a few lines. */
  description: string;
  flags: F;
  /** Command lines with a comment line before each, as shown by --help. */
  examples: string;
  /** Throws FlagError for values that cannot be, or cannot go together. */
  check?: (values: FlagValues<F>) => void;
}

/**
 * Values of the flags. Help is printed to stdout and ends the process with 0; a wrong command line is one line on stderr and
 * ends it with 1.
 */
export function parseExecutable<F extends FlagTable>(
  executable: Executable<F>,
  argv: readonly string[] = process.argv.slice(2),
): FlagValues<F> {
  try {
    const parsed = parseFlags(executable.flags, argv);
    if (parsed.help) {
      process.stdout.write(helpText(executable));
      process.exit(0);
    }
    if (parsed.args.length > 0) {
      const shown = parsed.args.map((arg) => JSON.stringify(arg)).join(' ');
      throw new FlagError(`"${executable.name}" does not take any arguments, got [${shown}]`);
    }
    executable.check?.(parsed.values);
    for (const warning of parsed.warnings) process.stderr.write(`${warning}\n`);
    return parsed.values;
  } catch (error) {
    if (!(error instanceof FlagError)) throw error;
    process.stderr.write(`Error: ${error.message}\n`);
    process.exit(1);
  }
}

export function helpText(executable: Omit<Executable<FlagTable>, 'check'>): string {
  const examples = executable.examples
    .trim()
    .split('\n')
    .map((line) => `  ${line.trim()}`)
    .join('\n');
  return `${executable.description.trim()}

Usage:
  ${executable.name} [flags]

Examples:
${examples}

Flags:
${describeFlags(executable.flags)}
`;
}
