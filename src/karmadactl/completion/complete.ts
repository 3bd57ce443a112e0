/**
 * What may stand where the cursor is: asked for by the shell scripts of `completion` as `__complete WORDS…`, and by kubectl
 * through `kubectl_complete-karmada`. The answer has the form of spf13/cobra, which both read: a line for each candidate, with
 * its description after a tab, and at the end `:N`, the sum of what the shell is to do.
 */
import { loadKubeconfig } from '../../client/kubeconfig/load.ts';
import { withTimeout } from '../../component/abort.ts';
import { namespaces } from '../../kubernetes/resource-types.ts';
import { commandTable } from '../command-table.ts';
import {
  connectionFlags,
  flagOffers,
  flagValue,
  type Line,
  listedValues,
  type Offer,
  type OpenFlag,
  openFlag,
  readLine,
  takesFile,
} from './line.ts';
import { createNames, type Names } from './names.ts';

const timeoutMs = 3000;
/** Of cobra: no blank after the candidate, no files in place of candidates. */
const noSpace = 2;
const noFiles = 4;

/** The last word is being typed. Never throws: without an answer there is nothing to offer. */
export async function complete(words: readonly string[], signal: AbortSignal): Promise<string[]> {
  const last = words.at(-1) ?? '';
  // `--flag=val` is completed as `--flag val` is.
  const [, flagName, flagText] = /^(--?[\w-]+)=(.*)$/s.exec(last) ?? [];
  const before = flagName === undefined ? words.slice(0, -1) : [...words.slice(0, -1), flagName];
  try {
    const line = await readLine(before);
    const open = openFlag(line.table, line.previous, flagName !== undefined);
    if (open !== undefined && takesFile(open.name)) return [':0'];
    const whole = flagText ?? last;
    // Of a list its last part.
    const listed =
      open === undefined ? /^[^/]*$/.test(whole) && takesTypeLists.has(line.path) : open.flag.type === 'strings';
    const typed = listed && !whole.startsWith('-') ? whole.slice(whole.lastIndexOf(',') + 1) : whole;
    const kept = last.slice(0, last.length - typed.length);
    const taken = new Set(listed ? whole.slice(0, -typed.length || undefined).split(',') : []);
    const offered = await withTimeout(signal, timeoutMs, (inner) => candidates(line, open, typed, inner));
    const shown = [...new Map(offered.map((offer) => [offer.value, offer])).values()]
      .filter(({ value }) => value.startsWith(typed) && !taken.has(value))
      .sort((a, b) => (a.value < b.value ? -1 : 1));
    const goesOn = shown.length > 0 && shown.every(({ value }) => /[=/]$/.test(value));
    return [
      ...shown.map(({ value, about }) => (about === undefined ? kept + value : `${kept}${value}\t${about}`)),
      `:${noFiles + (goesOn ? noSpace : 0)}`,
    ];
  } catch {
    return [`:${noFiles}`];
  }
}

const plain = (values: readonly string[]): Offer[] => values.map((value) => ({ value }));

async function candidates(
  line: Line,
  open: OpenFlag | undefined,
  typed: string,
  signal: AbortSignal,
): Promise<Offer[]> {
  const { command, path, table, args, before } = line;
  const names = createNames(line, signal);
  if (open !== undefined) return plain(await flagValues(line, open, names));
  if (typed.startsWith('-')) return flagOffers(table);
  if (command === undefined) {
    if (path !== '' && path !== 'help') return [];
    return commandTable.map(({ name, short }) => ({ value: name, about: short }));
  }
  const { children = [] } = command;
  if (children.length > 0 && args.length === 0)
    return children.map(({ name, short }) => ({ value: name, about: short }));
  if (before.includes('--')) return [];
  const offered = await argumentsFor(line, typed, names);
  const given = new Set(args);
  return plain(offered.filter((value) => !given.has(value)));
}

async function flagValues(line: Line, { name, flag }: OpenFlag, names: Names) {
  if (name === 'cluster' || name === 'clusters') return names.clusters();
  if (name === 'namespace') return names.ofControlPlane(namespaces);
  if (name === 'container') {
    const pod = line.args[0];
    return pod === undefined ? [] : names.containers(pod.replace(/^pods?\//, ''));
  }
  if (name === 'karmada-context')
    return contextsOf(connectionFlags(line.before).kubeconfig || flagValue(line.before, /^--karmada-config$/));
  if (name === 'cluster-context') return contextsOf(flagValue(line.before, /^--cluster-kubeconfig$/));
  if (name === 'context') return contextsOf(flagValue(line.before, /^--kubeconfig$/));
  if (name === 'operation-scope') return line.path === 'get' ? ['karmada', 'members', 'all'] : ['karmada', 'members'];
  return flag.type === '' ? ['true', 'false'] : listedValues(flag.usage);
}

const contextsOf = (file = ''): string[] => loadKubeconfig(file).contexts.map(({ name }) => name);

/** A verb of the API that a type must have for the command. */
const takesTypes: Readonly<Record<string, string>> = {
  get: 'get',
  describe: 'get',
  delete: 'delete',
  label: 'patch',
  annotate: 'patch',
  patch: 'patch',
  edit: 'update',
  why: 'get',
  explain: 'get',
  promote: 'get',
};
/** `get deployments,services` */
const takesTypeLists = new Set(['get', 'describe', 'delete']);
const takesOneName = new Set(['patch', 'promote', 'why']);
const takesOneCluster = new Set(['cordon', 'uncordon', 'unjoin', 'unregister']);
const takesPod = new Set(['logs', 'exec', 'attach']);
const typesWithPods = ['daemonsets', 'deployments', 'jobs', 'pods', 'replicasets', 'services', 'statefulsets'];

async function argumentsFor({ path, args }: Line, typed: string, names: Names): Promise<string[]> {
  if (path === 'completion') return args.length === 0 ? ['bash', 'zsh', 'fish'] : [];
  if (path === 'token') return args.length === 0 ? ['create', 'list', 'delete'] : [];
  if (takesOneCluster.has(path)) return args.length === 0 ? names.clusters() : [];
  if (path === 'taint') return args.length === 0 ? ['clusters'] : names.clusters();
  if (path === 'top pod' || path === 'top node') return args.length === 0 ? names.objects(`${path.slice(4)}s`) : [];
  const verb = takesTypes[path];
  const byPath = typed.includes('/') && (verb !== undefined || takesPod.has(path)) && path !== 'explain';
  if (byPath) {
    const type = typed.slice(0, typed.indexOf('/'));
    return (await names.objects(type)).map((name) => `${type}/${name}`);
  }
  if (takesPod.has(path)) {
    if (args.length > 0) return [];
    const pods = await names.objects('pods');
    return typed === '' ? pods : [...pods, ...typesWithPods.map((type) => `${type}/`)];
  }
  if (verb === undefined) return [];
  const [type] = args;
  if (type === undefined) return names.types(verb);
  if (path === 'explain' || type.includes('/')) return [];
  return takesOneName.has(path) && args.length > 1 ? [] : names.objects(type);
}
