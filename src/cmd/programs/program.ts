/**
 * An executable apart from its process: flags, and what runs with their values. The files of src/cmd give each a process of its own;
 * `karmada serve` runs several in one.
 */
import type { Client } from '../../client/client.ts';
import type { Executable } from '../../component/executable.ts';
import type { FlagTable, FlagValues } from '../../component/flags.ts';
import type { Health } from '../../component/health.ts';
import type { Logger } from '../../component/logging.ts';
import type { Registry } from '../../component/metrics.ts';

export interface Program<F extends FlagTable, N extends string = string> extends Executable<F> {
  name: N;
  /** Resolves after the signal has aborted and everything is put away. Rejects when it cannot go on, or the flags are wrong. */
  run(flags: FlagValues<F>, context: ProgramContext): Promise<void>;
}

export interface ProgramContext {
  signal: AbortSignal;
  logger: Logger;
  health: Health;
  registry: Registry;
  /** A client of the API server, in the name of the program; the caller closes it. */
  connect(): Client;
  /** Holder of the program's Leases; undefined: told apart by the process. */
  identity?: string | undefined;
}
