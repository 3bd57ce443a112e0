/** The extension points of a run: filters refuse clusters, scores rank them. Plugins run in the order of the list. */
import type { Cluster, SchedulingTask } from '../types.ts';

export interface Plugin {
  readonly name: string;
  /** Why the cluster cannot take the binding, or undefined when it can. */
  filter?(task: SchedulingTask, cluster: Cluster): string | undefined;
  /** 0 to 100. */
  score?(task: SchedulingTask, cluster: Cluster): number;
}

/** The first refusal, or undefined when every filter lets the cluster pass. */
export function runFilters(plugins: readonly Plugin[], task: SchedulingTask, cluster: Cluster): string | undefined {
  for (const plugin of plugins) {
    const refusal = plugin.filter?.(task, cluster);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** Sum of all scores. Throws with the plugin's name when one fails. */
export function runScores(plugins: readonly Plugin[], task: SchedulingTask, cluster: Cluster): number {
  let sum = 0;
  for (const plugin of plugins) {
    if (plugin.score === undefined) continue;
    try {
      sum += plugin.score(task, cluster);
    } catch (error) {
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
