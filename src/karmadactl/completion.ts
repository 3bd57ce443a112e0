/** What may stand where the cursor is: asked for by the shell scripts of `completion` as `__complete WORDS…`. */
import type { ResourceType } from '../apimachinery/group-version.ts';
import { clusters } from '../apis/resource-types.ts';
import type { Client } from '../client/client.ts';
import type { ConnectedClient } from '../client/connect.ts';
import { createDiscovery } from '../client/discovery.ts';
import { loadKubeconfig } from '../client/kubeconfig/load.ts';
import { withTimeout } from '../component/abort.ts';
import { type Flag, type FlagTable, parseFlags } from '../component/flags.ts';
import { namespaces, pods } from '../kubernetes/resource-types.ts';
import type { Pod } from '../kubernetes/types.ts';
import { controlPlaneClient } from './clients.ts';
import { karmadaFlags, namespaceFlag } from './command.ts';
import { commandTable } from './command-table.ts';
import { descend, findEntry, splitCommand } from './command-words.ts';
import { openMember } from './member-access.ts';
import { resolveArguments } from './resource-arguments.ts';

const takesTypes = new Set([
  'get',
  'describe',
  'delete',
  'label',
  'annotate',
  'patch',
  'edit',
  'why',
  'explain',
  'promote',
]);
const takesCluster = new Set(['cordon', 'uncordon', 'unjoin', 'unregister']);
const takesPod = new Set(['logs', 'exec', 'attach', 'top pod']);
const clusterFlags = /^(-C|--clusters?)$/;
const timeoutMs = 3000;

/** The last word is being typed. Never throws: without an answer there is nothing to offer. */
export async function complete(words: readonly string[], signal: AbortSignal): Promise<string[]> {
  const last = words.at(-1) ?? '';
  // `--flag=val` is completed as `--flag val` is, and of a list its last part.
  const [, flagName, flagText] = /^(--?[\w-]+)=(.*)$/s.exec(last) ?? [];
  const before = flagName === undefined ? words.slice(0, -1) : [...words.slice(0, -1), flagName];
  const whole = flagText ?? last;
  const typed = clusterFlags.test(before.at(-1) ?? '') ? whole.slice(whole.lastIndexOf(',') + 1) : whole;
  const kept = last.slice(0, last.length - typed.length);
  try {
    const offered = await withTimeout(signal, timeoutMs, (inner) => candidates(before, typed, inner));
    return offered
      .filter((candidate) => candidate.startsWith(typed))
      .sort()
      .map((candidate) => kept + candidate);
  } catch {
    return [];
  }
}

async function candidates(before: readonly string[], typed: string, signal: AbortSignal): Promise<string[]> {
  const { word, rest: words } = splitCommand(before);
  const previous = before.at(-1) ?? '';
  const connect = () => controlPlaneClient(connectionFlags(before));
  const namesOf = async (client: Client, type: ResourceType, namespace = ''): Promise<string[]> => {
    const within = type.namespaced ? { namespace } : {};
    const { items } = await client.resource(type).list({ ...within, metadataOnly: true, signal });
    return items.map(({ metadata }) => metadata.name ?? '');
  };
  const entry = word === undefined ? undefined : findEntry(commandTable, word);
  const found = entry && descend(entry, words);
  const table: FlagTable = { ...(await found?.command.load?.())?.flags, ...karmadaFlags };

  if (clusterFlags.test(previous)) return namesOf(connect().client, clusters);
  if (previous === '-n' || previous === '--namespace') return namesOf(connect().client, namespaces);
  if (previous === '-s' || previous === '--operation-scope') return ['karmada', 'members', 'all'];
  if (previous === '--karmada-context') return contextsOf(before);
  if (previous === '-o' || previous === '--output')
    return ['json', 'yaml', 'name', 'wide', 'jsonpath=', 'custom-columns=', 'go-template='];
  if (takesValue(table, previous) && previous !== '-c' && previous !== '--container') return [];
  if (found === undefined) return typed.startsWith('-') ? flagNames(table) : commandTable.map(({ name }) => name);
  const { command, path } = found;
  if (typed.startsWith('-')) return flagNames(table);
  const args = argumentsOf(found.rest, table);
  const children = args.length === 0 ? (command.children ?? []).map(({ name }) => name) : [];
  if (path === 'completion') return ['bash', 'zsh', 'fish'];
  if (takesCluster.has(path)) return namesOf(connect().client, clusters);
  if (path === 'taint') return args.length === 0 ? ['clusters'] : namesOf(connect().client, clusters);
  if (takesPod.has(path)) return podCandidates(before, previous, args, connect(), signal);
  if (!takesTypes.has(path)) return children;
  const connected = connect();
  const [type] = args;
  if (type === undefined) {
    const { groupVersions } = await createDiscovery(connected.client).serverResources(signal);
    return [...new Set(groupVersions.flatMap(({ resources }) => resources.map(({ resource }) => resource)))];
  }
  if (path === 'explain') return [];
  const [argument] = await resolveArguments(serverOf(before, connected).client, [type], signal);
  if (argument === undefined) return [];
  return namesOf(serverOf(before, connected).client, argument.type, namespaceOf(before, connected));
}

const namespaceOf = (before: readonly string[], connected: ConnectedClient): string =>
  connectionFlags(before).namespace || connected.namespace;

/** The member that the line names, in the scope of members; else the control plane. */
function serverOf(before: readonly string[], connected: ConnectedClient): ConnectedClient {
  const cluster = flagValue(before, /^(-C|--clusters?)$/)?.split(',')[0];
  const scope = flagValue(before, /^(-s|--operation-scope)$/);
  return cluster !== undefined && scope === 'members' ? openMember(connected, cluster) : connected;
}

/** Pods, or containers of the pod, of the member that the line names; else of the control plane. */
async function podCandidates(
  before: readonly string[],
  previous: string,
  args: readonly string[],
  connected: ConnectedClient,
  signal: AbortSignal,
): Promise<string[]> {
  const cluster = flagValue(before, /^(-C|--clusters?)$/);
  const { client } = cluster === undefined ? connected : openMember(connected, cluster);
  const namespace = connectionFlags(before).namespace || connected.namespace;
  const resource = client.resource<Pod>(pods);
  const [name] = args;
  if (previous === '-c' || previous === '--container') {
    if (name === undefined) return [];
    const { spec } = await resource.get({ namespace, name }, { signal });
    return [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].map((container) => container.name);
  }
  const { items } = await resource.list({ namespace, metadataOnly: true, signal });
  return name === undefined ? items.map(({ metadata }) => metadata.name ?? '') : [];
}

function flagValue(words: readonly string[], name: RegExp): string | undefined {
  for (const [at, word] of words.entries()) {
    const [flagName = '', value] = word.split(/=(.*)/s);
    if (name.test(flagName)) return value ?? words[at + 1];
  }
  return undefined;
}

function contextsOf(words: readonly string[]): string[] {
  return loadKubeconfig(connectionFlags(words).kubeconfig).contexts.map(({ name }) => name);
}

const flagNames = (table: FlagTable): string[] => Object.keys(table).map((name) => `--${name}`);

/** Whether the word is a flag whose value is about to be typed. */
function takesValue(table: FlagTable, word: string): boolean {
  if (!word.startsWith('-') || word.includes('=')) return false;
  const definition = Object.entries(table as Record<string, Flag<unknown>>).find(
    ([name, { shorthand }]) => word === `--${name}` || word === `-${shorthand}`,
  );
  return definition !== undefined && definition[1].bare === undefined;
}

const argumentsOf = (words: readonly string[], table: FlagTable): string[] =>
  words.filter((word, at) => !word.startsWith('-') && !takesValue(table, words[at - 1] ?? ''));

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
