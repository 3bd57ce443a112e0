/** The commands of a guide, run as a reader runs them: taken from its text, in a shell, in the project's folder. */
import { readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { run } from './kubectl.ts';
import { eventually, type KubectlFor, projectRoot } from './local-environment.ts';

interface Block {
  heading: string;
  commands: string;
}

export interface Guide {
  /**
   * Runs the next block of the section with that heading and returns what it prints. One that fails is tried again, as a
   * reader does who was too fast.
   */
  step(heading: string): Promise<string>;
  /** Headings of blocks that nobody ran. */
  left(): string[];
}

/** `cli` says which kubectl, in which environment. */
export function guide(name: string, { binary }: Pick<KubectlFor, 'binary'>, env: NodeJS.ProcessEnv): Guide {
  const waiting = blocksOf(name);
  const shellEnv = { ...env, PATH: [dirname(binary), env['PATH']].join(delimiter) };
  return {
    async step(heading) {
      const next = waiting.findIndex((block) => block.heading === heading);
      const [block] = next < 0 ? [] : waiting.splice(next, 1);
      if (block === undefined) throw new Error(`${name} has no more commands under "${heading}"`);
      return await eventually(async () => {
        const args = ['-euo', 'pipefail', '-c', block.commands];
        const { code, stdout, stderr } = await run('/bin/bash', args, { env: shellEnv, cwd: projectRoot });
        if (code !== 0) throw new Error(`${name}, ${heading}:\n${block.commands}\nexit code ${code}\n${stderr}`);
        return stdout;
      }, 30_000);
    },
    left: () => waiting.map(({ heading }) => heading),
  };
}

/** All commands of a guide as one script. */
export function scriptOf(name: string): string {
  return blocksOf(name)
    .map(({ commands }) => commands)
    .join('\n');
}

const blocksOf = (name: string): Block[] => shellBlocks(readFileSync(join(projectRoot, 'docs/guides', name), 'utf8'));

/** What stands between "```sh" and "```", with the heading above. */
function shellBlocks(text: string): Block[] {
  const blocks: Block[] = [];
  let heading = '';
  let commands: string[] | undefined;
  for (const line of text.split('\n')) {
    if (commands !== undefined) {
      if (line.startsWith('```')) {
        blocks.push({ heading, commands: commands.join('\n') });
        commands = undefined;
      } else commands.push(line);
    } else if (line === '```sh') commands = [];
    else if (line.startsWith('#')) heading = line.replace(/^#+ /, '');
  }
  return blocks;
}
