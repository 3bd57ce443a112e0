/** How the tables of kubectl commands are written, run and compared. */
import { expect, it } from 'vitest';
import { type CommandResult, type RunOptions, run } from '../../support/kubectl.ts';
import { eventually } from '../../support/local-environment.ts';

/**
 * What is typed, what comes of it, and what stands on standard input. In a pattern a blank stands for any blanks, `~` for any
 * word, `…` for anything at all.
 */
export type Row = readonly [command: string, outcome: string | Outcome, input?: string];

export interface Outcome {
  /** Exit code; 0 unless told. */
  code?: number;
  /** Pattern of the whole of standard output. */
  out?: string;
  /** Pattern of the whole of standard error; without it, nothing may stand there when the code is 0. */
  err?: string;
  /** Asked again until it comes true. */
  soon?: boolean;
}

export const fails = (err: string, code = 1): Outcome => ({ code, err });
export const soon = (out: string): Outcome => ({ out, soon: true });
export const warns = (out: string, err: string): Outcome => ({ out, err });

export function runTable(
  rows: readonly Row[],
  kubectl: (command: string, options: RunOptions) => Promise<CommandResult>,
) {
  for (const [command, outcome, input] of rows)
    it(`kubectl ${command}`, async () => {
      const wanted = typeof outcome === 'string' ? { out: outcome } : outcome;
      const check = async (): Promise<void> => {
        const result = await kubectl(command, input === undefined ? {} : { input });
        compare(result, wanted);
      };
      await (wanted.soon === true ? eventually(check, 20_000) : check());
    });
}

function compare(result: CommandResult, { code = 0, out, err }: Outcome): void {
  const shown = `exit code ${result.code}\n${result.stdout}\n--- stderr\n${result.stderr}`;
  expect(result.code, shown).toBe(code);
  if (out !== undefined) expect(result.stdout.trim(), shown).toMatch(pattern(out));
  if (err !== undefined) expect(result.stderr.trim(), shown).toMatch(pattern(err));
  else if (code === 0) expect(result.stderr, shown).toBe('');
}

function pattern(text: string): RegExp {
  const source = text
    .trim()
    .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replace(/\s*…\s*/g, '…')
    .replace(/\s+/g, '\\s+')
    .replace(/~/g, '\\S+')
    .replace(/…/g, '[^]*');
  return new RegExp(`^${source}$`);
}

/** A kubectl at a path, for one kubeconfig; single quotes keep blanks together as in a shell. */
export function kubectlAt(path: string, env: NodeJS.ProcessEnv) {
  return (command: string, options: RunOptions = {}): Promise<CommandResult> =>
    run(path, words(command), { env, timeout: 60_000, ...options });
}

const words = (command: string): string[] =>
  (command.match(/(?:'[^']*'|[^\s'])+/g) ?? []).map((word) => word.replace(/'/g, ''));

export const configMap = (name: string, more = 'data: {a: "1"}'): string => `
apiVersion: v1
kind: ConfigMap
metadata: {name: ${name}}
${more}
`;
