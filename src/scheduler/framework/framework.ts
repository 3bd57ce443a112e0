/** The extension points of a run: filters refuse clusters, scores rank them. Plugins run in the order of the list. */
import type { Cluster, SchedulingTask } from '../types.ts';

export interface Plugin {
  readonly name: string;
  /** Why the cluster cannot take the binding, or undefined when it can. */
  filter?(task: SchedulingTask, cluster: Cluster): string | undefined;
  /** 0 to 100. */
  score?(task: SchedulingTask, cluster: Cluster): number;
}

export interface Refusal {
  plugin: string;
  reason: string;
}

export type ExtensionPoint = 'Filter' | 'Score';
export type PluginResult = 'Success' | 'Unschedulable' | 'Error';
/** Told of every call of a plugin, with the seconds it took. */
export type PluginObserver = (plugin: string, point: ExtensionPoint, result: PluginResult, seconds: number) => void;

const since = (start: number): number => (performance.now() - start) / 1000;

/** The first refusal, or undefined when every filter lets the cluster pass. */
export function runFilters(
  plugins: readonly Plugin[],
  task: SchedulingTask,
  cluster: Cluster,
  observe?: PluginObserver,
): Refusal | undefined {
  for (const plugin of plugins) {
    if (plugin.filter === undefined) continue;
    const start = observe === undefined ? 0 : performance.now();
    const reason = plugin.filter(task, cluster);
    observe?.(plugin.name, 'Filter', reason === undefined ? 'Success' : 'Unschedulable', since(start));
    if (reason !== undefined) return { plugin: plugin.name, reason };
  }
  return undefined;
}

/** Sum of all scores. Throws with the plugin's name when one fails. */
export function runScores(
  plugins: readonly Plugin[],
  task: SchedulingTask,
  cluster: Cluster,
  observe?: PluginObserver,
): number {
  let sum = 0;
  for (const plugin of plugins) {
    if (plugin.score === undefined) continue;
    const start = observe === undefined ? 0 : performance.now();
    try {
      sum += plugin.score(task, cluster);
      observe?.(plugin.name, 'Score', 'Success', since(start));
    } catch (error) {
      observe?.(plugin.name, 'Score', 'Error', since(start));
      throw new Error(
        `plugin "${plugin.name}" failed with: ${error instanceof Error ? error.message : String(error)}`,
        { cause: error },
      );
    }
  }
  return sum;
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
