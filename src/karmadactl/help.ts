/** Help texts: of the tool, of each command, and of the flags that every command has. */
import { describeFlags, type FlagTable } from '../component/flags.ts';
import type { CommandEntry, CommandGroup } from './command.ts';
import { klogFlags } from './klog.ts';

const groups: readonly (CommandGroup | undefined)[] = [
  'Basic Commands',
  'Cluster Registration Commands',
  'Cluster Management Commands',
  'Troubleshooting and Debugging Commands',
  'Advanced Commands',
  'Settings Commands',
  'Other Commands',
  undefined,
];

/** Hidden in the help of each command, and listed by `options`. */
const shownGlobalFlags = Object.fromEntries(
  Object.entries(klogFlags).map(([name, definition]) => [name, { ...definition, hidden: false }]),
) as FlagTable;

export function optionsHelp(): string {
  return `The following options can be passed to any command:\n\n${describeFlags(shownGlobalFlags)}\n`;
}

export function rootHelp(entries: readonly CommandEntry[], executable: string): string {
  const width = widthOf(entries);
  const blocks = groups
    .map((group) => {
      const members = entries.filter((entry) => entry.group === group);
      return members.length === 0 ? '' : `${group ?? 'Other Commands'}:\n${listed(members, width)}\n\n`;
    })
    .join('');
  return `${executable} controls a Kubernetes Cluster Federation.\n\nUsage:\n  ${executable} [flags]\n  ${executable} [command]\n\n${blocks}Use "${executable} <command> --help" for more information about a given command.\nUse "${executable} options" for a list of global command-line options (applies to all commands).\n`;
}

/** `path` is the command's full name: `create secret tls`. */
export async function commandHelp(command: CommandEntry, path: string, executable: string): Promise<string> {
  const { short, usage, examples, children = [] } = command;
  const flags = command.load === undefined ? '' : describeFlags({ ...(await command.load()).flags, ...klogFlags });
  const parts = [
    short,
    `Examples:\n${examples.trim().replaceAll('karmadactl', executable).replace(/^/gm, '  ')}`,
    children.length === 0 ? '' : `Available Commands:\n${listed(children, widthOf(children))}`,
    flags === '' ? '' : `Options:\n${flags}`,
    `Usage:\n  ${executable} ${usage}`,
    children.length === 0
      ? ''
      : `Use "${executable} ${path} <command> --help" for more information about a given command.`,
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

const widthOf = (entries: readonly CommandEntry[]): number => Math.max(...entries.map(({ name }) => name.length));

const listed = (entries: readonly CommandEntry[], width: number): string =>
  entries.map(({ name, short }) => `  ${name.padEnd(width)}   ${short}`).join('\n');
