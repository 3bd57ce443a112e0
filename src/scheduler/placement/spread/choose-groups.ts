/** Which groups are used together: enough clusters in few, good groups. */

export interface Group {
  name: string;
  /** Clusters in it. */
  value: number;
  weight: number;
}

/**
 * The best combination of minGroups to maxGroups groups with at least `target` clusters, best group first; empty when there is
 * none. A combination is not extended once it suffices. The search stops after `maxSteps` combinations with the best so far.
 */
export function chooseGroups(groups: readonly Group[], minGroups: number, maxGroups: number, target: number): Group[] {
  const paths = findPaths(groups, minGroups, maxGroups, target);
  paths.sort((a, b) => b.weight - a.weight || b.value - a.value || a.id - b.id);
  let best = paths[0];
  for (const path of paths) if (best !== undefined && isStrictPrefix(path.groups, best.groups)) best = path;
  return best?.groups ?? [];
}

interface Path {
  id: number;
  groups: Group[];
  weight: number;
  value: number;
}

const maxSteps = 200_000;

function findPaths(groups: readonly Group[], minGroups: number, maxGroups: number, target: number): Path[] {
  const sorted = [...groups].sort((a, b) => a.value - b.value || b.weight - a.weight || (a.name < b.name ? -1 : 1));
  const paths: Path[] = [];
  const record = (path: readonly Group[], value: number): void => {
    paths.push({
      id: paths.length,
      groups: [...path].sort((a, b) => b.weight - a.weight || (a.name < b.name ? -1 : 1)),
      weight: path.reduce((sum, group) => sum + group.weight, 0),
      value,
    });
  };
  const suffices = (length: number, value: number): boolean =>
    value >= target && length >= minGroups && length <= maxGroups;
  if (sorted.length === minGroups) {
    const value = sorted.reduce((sum, group) => sum + group.value, 0);
    if (suffices(sorted.length, value)) record(sorted, value);
    return paths;
  }
  let steps = 0;
  const path: Group[] = [];
  const extend = (start: number, value: number): void => {
    if (++steps > maxSteps) return;
    if (path.length > 0 && suffices(path.length, value)) {
      record(path, value);
      return;
    }
    if (path.length >= maxGroups) return;
    for (let i = start; i < sorted.length; i++) {
      const group = sorted[i];
      if (group === undefined) continue;
      path.push(group);
      extend(i + 1, value + group.value);
      path.pop();
    }
  };
  extend(0, 0);
  return paths;
}

function isStrictPrefix(shorter: readonly Group[], longer: readonly Group[]): boolean {
  return shorter.length < longer.length && shorter.every((group, i) => group.name === longer[i]?.name);
}
