/** Loads every script of customizations, without running it, and lists what is set and what is wrong. */
import { interpreterOperations } from '../../interpreter/interpreter.ts';
import { scriptsOf } from '../../interpreter/lua/operations.ts';
import { createLuaPool } from '../../interpreter/lua/pool.ts';
import { type CommandIo, ExitCode } from '../command.ts';
import { notACustomization, type SourcedCustomization } from './sourced-customization.ts';

export async function checkCustomizations(
  customizations: readonly SourcedCustomization[],
  io: CommandIo,
): Promise<void> {
  const pool = createLuaPool();
  let failed = false;
  // Columns grow over all customizations, as those of kubectl's tables do while it prints.
  const widths = [0, 0];
  const pad = (column: 0 | 1, texts: readonly string[]): string[] => {
    const width = Math.max(widths[column] ?? 0, ...texts.map((text) => text.length));
    widths[column] = width;
    return texts.map((text) => text.padEnd(width + 3));
  };
  try {
    for (const customization of customizations) {
      io.stdout(`${'-'.repeat(35)}\nSOURCE: ${customization.source}\n`);
      const problem = notACustomization(customization) ?? targetProblem(customization);
      if (problem !== undefined) {
        failed = true;
        io.stdout(`${problem}\n`);
        continue;
      }
      const { apiVersion, kind } = customization.object.spec.target;
      io.stdout(`${pad(0, [`TARGET: ${apiVersion} ${kind}`])[0]}\nRULERS:\n`);
      const states = await statesOf(customization, pool);
      const names = pad(
        0,
        interpreterOperations.map((operation) => `    ${operation}:`),
      );
      const errors = states.filter((state) => state.startsWith('ERROR: '));
      if (errors.length > 0) failed = true;
      const padded = new Map(errors.length === 0 ? [] : pad(1, errors).map((text, at) => [errors[at] ?? '', text]));
      for (const [at, state] of states.entries()) io.stdout(`${names[at]}${padded.get(state) ?? state}\n`);
    }
  } finally {
    await pool.close();
  }
  if (failed) throw new ExitCode(1);
}

/** For each operation `UNSET`, `PASS` or `ERROR: <why>`. */
async function statesOf({ object }: SourcedCustomization, pool: ReturnType<typeof createLuaPool>): Promise<string[]> {
  const scripts = scriptsOf({ spec: { ...object.spec, customizations: object.spec.customizations ?? {} } });
  const states: string[] = [];
  for (const operation of interpreterOperations) {
    const script = scripts[operation];
    try {
      if (script !== undefined) await pool.compile('<script>', script);
      states.push(script === undefined ? 'UNSET' : 'PASS');
    } catch (error) {
      states.push(`ERROR: ${(error as Error).message}`);
    }
  }
  return states;
}

function targetProblem({ object: { spec } }: SourcedCustomization): string | undefined {
  if (!spec?.target?.kind) return 'target.kind no set';
  return spec.target.apiVersion ? undefined : 'target.apiVersion no set';
}
