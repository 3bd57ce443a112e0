/** Commands and units of docs/guides/production.md, to be run as they stand, with a test's paths and addresses. */
import { readFileSync } from 'node:fs';

const guide = readFileSync(new URL('../../docs/guides/production.md', import.meta.url), 'utf8');
const blocks = (language: string): string[] =>
  [...guide.matchAll(new RegExp(`^( *)\`\`\`${language}\n(.*?)^ *\`\`\``, 'gms'))].map(([, indent = '', inside = '']) =>
    inside.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );

/** Every block of commands, as it stands. */
export const guideBlocks = (): string[] => blocks('bash');

/** The block of commands that begins so and holds that, each command on one line. */
export function guideBlock(start: string, part = ''): string {
  const found = guideBlocks().find((block) => block.startsWith(start) && block.includes(part));
  if (found === undefined) throw new Error(`the guide has no commands that begin with ${start} and hold "${part}"`);
  return found.replaceAll('\\\n', ' ').trim();
}

/** A unit by its file name, such as `karmada@.service`, as it stands. */
export function guideUnit(name: string): string {
  const found = blocks('ini').find((block) => block.startsWith(`# /etc/systemd/system/${name}\n`));
  if (found === undefined) throw new Error(`the guide has no unit ${name}`);
  return found;
}

/** `changes`: what is written in the guide, and what stands for it in the test; one after the other. */
export const withChanges = (text: string, changes: readonly (readonly [string, string])[]): string =>
  changes.reduce((before, [from, to]) => before.replaceAll(from, to), text);

/** What systemd runs for a unit: continuation lines joined, `%i` and the variables of its EnvironmentFile filled in. Paths are those of the guide. */
export function commandOf(unit: string, instance: string, readEnvironment: (path: string) => string): string {
  const lines = unit.replaceAll('\\\n', ' ').replaceAll('%i', instance).split('\n');
  const value = (key: string): string | undefined =>
    lines.find((line) => line.startsWith(`${key}=`))?.slice(key.length + 1);
  const command = value('ExecStart');
  if (command === undefined) throw new Error('the unit starts nothing');
  const path = value('EnvironmentFile');
  const variables = path === undefined ? [] : readEnvironment(path).replaceAll('\\\n', ' ').trim().split('\n');
  return variables.reduce((text, variable) => {
    const at = variable.indexOf('=');
    return text.replaceAll(`$${variable.slice(0, at)}`, variable.slice(at + 1));
  }, command);
}
