/** The extension points of a run: filters refuse clusters, scores rank them. Plugins run in the order of the list. */
import { messageOf } from '../errors.ts';
import type { Cluster, SchedulingTask } from '../types.ts';

export interface Plugin {
  readonly name: string;
  /** Why the cluster cannot take the binding, or undefined when it can. */
  filter?(task: SchedulingTask, cluster: Cluster): string | undefined;
  /** 0 to 100, or whatever `normalizeScore` brings into that range. */
  score?(task: SchedulingTask, cluster: Cluster): number;
  /** Takes this plugin's scores of all feasible clusters and gives those that count, in the same order. */
  normalizeScore?(task: SchedulingTask, scores: readonly number[]): readonly number[];
}

export interface Refusal {
  plugin: string;
  reason: string;
}

export type ExtensionPoint = 'Filter' | 'Score' | 'ScoreExtensionNormalize';
export type PluginResult = 'Success' | 'Unschedulable' | 'Error';
/** Told of every call of a plugin, with the seconds it took. */
export type PluginObserver = (plugin: string, point: ExtensionPoint, result: PluginResult, seconds: number) => void;

const since = (start: number): number => (performance.now() - start) / 1000;

/** The first refusal, or undefined when every filter lets the cluster pass. A filter that throws refuses with its message. */
export function runFilters(
  plugins: readonly Plugin[],
  task: SchedulingTask,
  cluster: Cluster,
  observe?: PluginObserver,
): Refusal | undefined {
  for (const plugin of plugins) {
    if (plugin.filter === undefined) continue;
    const start = observe === undefined ? 0 : performance.now();
    let reason: string | undefined;
    let result: PluginResult;
    try {
      reason = plugin.filter(task, cluster);
      result = reason === undefined ? 'Success' : 'Unschedulable';
    } catch (error) {
      reason = messageOf(error);
      result = 'Error';
    }
    observe?.(plugin.name, 'Filter', result, since(start));
    if (reason !== undefined) return { plugin: plugin.name, reason };
  }
  return undefined;
}

/** Of the filters after the one that refused the cluster, those that would do so, too. */
export function laterRefusals(
  plugins: readonly Plugin[],
  task: SchedulingTask,
  cluster: Cluster,
  first: string,
): Refusal[] {
  const rest = plugins.slice(plugins.findIndex(({ name }) => name === first) + 1);
  return rest.flatMap((plugin) => runFilters([plugin], task, cluster) ?? []);
}

/**
 * The sum of all scores of each cluster. Throws with the plugin's name when one fails. `note` is told what each plugin gave to
 * which cluster, by its index.
 */
export function runScores(
  plugins: readonly Plugin[],
  task: SchedulingTask,
  clusters: readonly Cluster[],
  observe?: PluginObserver,
  note?: (index: number, plugin: string, score: number) => void,
): number[] {
  const sums = clusters.map(() => 0);
  for (const plugin of plugins) {
    if (plugin.score === undefined) continue;
    let scores: readonly number[] = clusters.map((cluster) =>
      observed(plugin, 'Score', 'failed with', observe, () => plugin.score?.(task, cluster) ?? 0),
    );
    if (plugin.normalizeScore !== undefined) {
      const raw = scores;
      scores = observed(
        plugin,
        'ScoreExtensionNormalize',
        'normalizeScore failed with',
        observe,
        () => plugin.normalizeScore?.(task, raw) ?? raw,
      );
    }
    for (const [i, score] of scores.entries()) {
      sums[i] = (sums[i] ?? 0) + score;
      if (score !== 0) note?.(i, plugin.name, score);
    }
  }
  return sums;
}

function observed<T>(
  { name }: Plugin,
  point: ExtensionPoint,
  failed: string,
  observe: PluginObserver | undefined,
  call: () => T,
): T {
  const start = observe === undefined ? 0 : performance.now();
  try {
    const result = call();
    observe?.(name, point, 'Success', since(start));
    return result;
  } catch (error) {
    observe?.(name, point, 'Error', since(start));
    throw new Error(`plugin "${name}" ${failed}: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * The plugins that --plugins leaves: `*` stands for all, `foo` adds one, `-foo` takes one away. `*` counts first wherever it
 * stands; names that are unknown are ignored.
 */
export function selectPlugins(all: readonly Plugin[], wanted: readonly string[]): Plugin[] {
  const enabled = new Set(wanted.includes('*') ? all.map((plugin) => plugin.name) : []);
  for (const entry of wanted) {
    if (entry === '*') continue;
    if (entry.startsWith('-')) enabled.delete(entry.replace(/^-+/, ''));
    else enabled.add(entry);
  }
  return all.filter((plugin) => enabled.has(plugin.name));
}
