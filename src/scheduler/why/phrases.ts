/** Small pieces of what people read. */
import type { TargetCluster } from '../../apis/work/v1alpha2/resource-binding.ts';

const most = 3;

/** `m1, m2, m3 and 997 more`. */
export function namesText(names: readonly string[]): string {
  const shown = names.slice(0, most).join(', ');
  return names.length > most ? `${shown} and ${names.length - most} more` : shown;
}

export const timeText = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+/, '');

/** `m1 2, m2 4`; what has no replicas is named alone. */
export function targetsText(targets: readonly TargetCluster[]): string {
  if (targets.length === 0) return 'none';
  return targets.map(({ name, replicas }) => (replicas === undefined ? name : `${name} ${replicas}`)).join(', ');
}

/** Aligned columns. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
