/** What may stand where the cursor is: asked for by the shell scripts of `completion` as `__complete WORDS…`. */
import { clusters } from '../apis/resource-types.ts';
import { createDiscovery } from '../client/discovery.ts';
import { withTimeout } from '../component/abort.ts';
import { parseFlags } from '../component/flags.ts';
import { controlPlaneClient } from './clients.ts';
import { karmadaFlags, namespaceFlag } from './command.ts';
import { commandTable } from './command-table.ts';
import { resolveArguments } from './resource-arguments.ts';

const takesTypes = new Set(['get', 'describe', 'delete', 'label', 'annotate', 'patch']);
const takesCluster = new Set(['cordon', 'uncordon', 'unjoin']);
const clusterFlags = /^(-C|--clusters?)$/;
const timeoutMs = 3000;

/** The last word is being typed. Never throws: without an answer there is nothing to offer. */
export async function complete(words: readonly string[], signal: AbortSignal): Promise<string[]> {
  const typed = words.at(-1) ?? '';
  try {
    const offered = await withTimeout(signal, timeoutMs, (inner) => candidates(words.slice(0, -1), typed, inner));
    return offered.filter((candidate) => candidate.startsWith(typed)).sort();
  } catch {
    return [];
  }
}

async function candidates(before: readonly string[], typed: string, signal: AbortSignal): Promise<string[]> {
  const [command, ...rest] = before;
  if (command === undefined) return commandTable.map(({ name }) => name);
  const entry = commandTable.find(({ name }) => name === command);
  if (entry === undefined) return [];
  const previous = rest.at(-1) ?? '';
  const client = () => controlPlaneClient(connectionFlags(rest)).client;
  const clusterNames = async () =>
    (await client().resource(clusters).list({ metadataOnly: true, signal })).items.map(
      ({ metadata }) => metadata.name ?? '',
    );
  if (clusterFlags.test(previous)) return clusterNames();
  if (previous === '-s' || previous === '--operation-scope') return ['karmada', 'members', 'all'];
  if (typed.startsWith('-')) return Object.keys((await entry.load?.())?.flags ?? {}).map((name) => `--${name}`);
  if (command === 'completion') return ['bash', 'zsh'];
  if (takesCluster.has(command)) return clusterNames();
  if (!takesTypes.has(command)) return [];
  const args = rest.filter((word, at) => !word.startsWith('-') && !(rest[at - 1] ?? '').startsWith('-'));
  const [type] = args;
  if (type === undefined) {
    const { groupVersions } = await createDiscovery(client()).serverResources(signal);
    return [...new Set(groupVersions.flatMap(({ resources }) => resources.map(({ resource }) => resource)))];
  }
  const connected = controlPlaneClient(connectionFlags(rest));
  const [argument] = await resolveArguments(connected.client, [type], signal);
  if (argument === undefined) return [];
  const namespace = connectionFlags(rest).namespace || connected.namespace;
  const { items } = await connected.client
    .resource(argument.type)
    .list({ ...(argument.type.namespaced ? { namespace } : {}), metadataOnly: true, signal });
  return items.map(({ metadata }) => metadata.name ?? '');
}

/** The flags by which a server is found, out of a line that is not complete yet. */
function connectionFlags(words: readonly string[]) {
  const table = { ...karmadaFlags, ...namespaceFlag };
  const kept = words.flatMap((word, at) => {
    if (/^--(kubeconfig|karmada-context|namespace)=/.test(word)) return [word];
    return /^(--(kubeconfig|karmada-context|namespace)|-n)$/.test(word) && at + 1 < words.length
      ? [word, words[at + 1] as string]
      : [];
  });
  return parseFlags(table, kept).values;
}
