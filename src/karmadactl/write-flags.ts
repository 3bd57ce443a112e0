/** Flags of commands that write. */
import type { WriteOptions } from '../client/client.ts';
import { type Flag, FlagError, flag } from '../component/flags.ts';

export type DryRun = 'none' | 'client' | 'server';

export const isTrue = (text: string): boolean => /^(1|t|T|true|TRUE|True)$/.test(text);
export const isFalse = (text: string): boolean => /^(0|f|F|false|FALSE|False)$/.test(text);

/** `--dry-run` alone means client, and so does true, as they did in old kubectls: both are told to be deprecated. */
export const dryRunFlag: Flag<DryRun> = {
  type: 'string',
  usage:
    'Must be "none", "server", or "client". If client strategy, only print the object that would be sent, without sending it. If server strategy, submit server-side request without persisting the resource.',
  defaultValue: 'none',
  bare: 'unchanged',
  parse(text) {
    if (text === 'none' || text === 'client' || text === 'server') return text;
    if (text === 'unchanged' || isTrue(text)) return 'client';
    if (isFalse(text)) return 'none';
    throw new FlagError(`Invalid dry-run value (${text}). Must be "none", "server", or "client".`, { plain: true });
  },
  notice(text) {
    if (text === 'unchanged') return '--dry-run is deprecated and can be replaced with --dry-run=client.';
    if (!isTrue(text) && !isFalse(text)) return undefined;
    return `--dry-run=${text} is deprecated (boolean value) and can be replaced with --dry-run=${isTrue(text) ? 'client' : 'none'}.`;
  },
  format: (value) => JSON.stringify(value),
};

export const dryRunSuffix = (dryRun: DryRun): string =>
  dryRun === 'none' ? '' : dryRun === 'client' ? ' (dry run)' : ' (server dry run)';

export const fieldManagerFlag = (name: string): Flag<string> =>
  flag.string(name, 'Name of the manager used to track field ownership.');

export const validateFlag: Flag<string> = {
  ...flag.string(
    'strict',
    'Must be one of: strict (or true), warn, ignore (or false): whether the server refuses, tells of, or drops fields that it does not know.',
  ),
  bare: 'strict',
  parse(text) {
    if (['strict', 'true', 'warn', 'ignore', 'false'].includes(text)) return text;
    throw new Error(
      `invalid - validate option ${JSON.stringify(text)}; must be one of: strict (or true), warn, ignore (or false)`,
    );
  },
};

export function validationOf(value: string): NonNullable<WriteOptions['fieldValidation']> {
  if (value === 'warn') return 'Warn';
  return value === 'ignore' || value === 'false' ? 'Ignore' : 'Strict';
}
