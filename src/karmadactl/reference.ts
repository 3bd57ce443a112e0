/** The reference of all commands as a page: their own help texts. */
import type { CommandEntry } from './command.ts';
import { commandTable } from './command-table.ts';
import { commandHelp } from './help.ts';

const intro = `# karmadactl

What each command prints for \`--help\`. This page is made from the commands: \`npx vitest run src/karmadactl/reference.test.ts -u\` writes it
anew. Errors go to stderr and end with exit code 1; \`exec\` passes on the exit code of the command it ran. Members are reached through
the control plane with the caller's own credentials: who may use \`clusters/proxy\` of a cluster is bound by name there (a
ClusterRoleBinding of Users), and may do in the member what the member's own RBAC allows.

All of it works as a plugin, too: \`kubectl karmada get clusters\` runs \`kubectl-karmada\` of the PATH, and kubectl's
completion asks \`kubectl_complete-karmada\`; both are in \`bin/\`. What differs from upstream's tool
is in [differences](differences.md); \`init\`, \`deinit\` and \`addons\` need container images and say so.
`;

export async function referencePage(): Promise<string> {
  const sections: string[] = [];
  const add = async (entry: CommandEntry, path: string): Promise<void> => {
    sections.push(`## ${path}\n\n\`\`\`\n${(await commandHelp(entry, path, 'karmadactl')).trimEnd()}\n\`\`\`\n`);
    for (const child of entry.children ?? []) await add(child, `${path} ${child.name}`);
  };
  for (const entry of commandTable) await add(entry, entry.name);
  return [intro, ...sections].join('\n');
}
