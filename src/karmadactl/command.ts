/** What a karmadactl command is, and what several of them share. */
import type { FlagTable, FlagValues } from '../component/flags.ts';
import { flag } from '../component/flags.ts';

export interface CommandIo {
  stdout(text: string): void;
  stderr(text: string): void;
  /** What is typed or piped in; absent where there is none. */
  stdin?: AsyncIterable<Uint8Array> | undefined;
  /** As stdout, for bytes that are no text of ours. */
  bytes?(chunk: Uint8Array): void;
}

export interface Invocation<F extends FlagTable> {
  values: FlagValues<F>;
  given: ReadonlySet<string>;
  args: readonly string[];
  io: CommandIo;
  signal: AbortSignal;
  /** What the tool is called in its texts: `karmadactl` or `kubectl karmada`. */
  executable: string;
}

export interface CommandBody<F extends FlagTable> {
  flags: F;
  /** Whatever flags are given: it does nothing with them. */
  anyFlags?: boolean;
  /** Resolves for exit code 0. What it throws is printed as kubectl prints errors, with exit code 1. */
  run(invocation: Invocation<F>): Promise<void>;
}

export type CommandGroup =
  | 'Basic Commands'
  | 'Cluster Registration Commands'
  | 'Cluster Management Commands'
  | 'Troubleshooting and Debugging Commands'
  | 'Advanced Commands'
  | 'Settings Commands'
  | 'Other Commands';

/** What help shows of a command; its body is loaded when it is called. */
export interface CommandEntry {
  name: string;
  aliases?: readonly string[];
  /** Of commands that stand alone; without, help lists them last. */
  group?: CommandGroup;
  short: string;
  /** The line after `Usage:`, without the executable. */
  usage: string;
  examples: string;
  /** Commands below this one: `top pod`. */
  children?: readonly CommandEntry[];
  /** Words that name no command below get this one's help instead of an error. */
  lenient?: boolean;
  /** Absent: there are only the commands below. */
  load?(): Promise<CommandBody<FlagTable>>;
}

/** A body as the table holds it, without the types of its flags. */
export const loaded = <F extends FlagTable>(body: CommandBody<F>): CommandBody<FlagTable> =>
  body as unknown as CommandBody<FlagTable>;

/** Keeps the types of a command's flags between its table and its body. */
export function defineCommand<F extends FlagTable>(body: CommandBody<F>): CommandBody<F> {
  return body;
}

/** The control plane. */
export const karmadaFlags = {
  kubeconfig: flag.string('', 'Path to the kubeconfig file to use for CLI requests.'),
  'karmada-context': flag.string('', 'The name of the kubeconfig context to use.'),
};

export const namespaceFlag = {
  namespace: flag.string('', 'If present, the namespace scope for this CLI request.', { shorthand: 'n' }),
};

/** Ends the command with this exit code and without a message: somebody else's exit code is passed on. */
export class ExitCode extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`exit code ${code}`);
    this.code = code;
  }
}

/** An error in how the command was called: printed with a hint at its help. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
