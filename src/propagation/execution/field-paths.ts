/** Where two objects differ, as field paths without values: for telling people, who may not see what is in a Secret. Pure. */

/** Paths in the order of the fields: `spec.template.spec.containers[0].image`, `metadata.labels[app.kubernetes.io/name]`. */
export function differingPaths(before: unknown, after: unknown): string[] {
  const paths: string[] = [];
  collect(before, after, '', paths);
  return paths;
}

const shown = 20;

/** For a message: bounded in number. */
export function listPaths(paths: readonly string[]): string {
  const more = paths.length - shown;
  return more > 0 ? `${paths.slice(0, shown).join(', ')} and ${more} more` : paths.join(', ');
}

function collect(before: unknown, after: unknown, path: string, into: string[]): void {
  if (before === after) return;
  if (Array.isArray(before) && Array.isArray(after)) {
    for (let i = 0; i < Math.max(before.length, after.length); i++) collect(before[i], after[i], `${path}[${i}]`, into);
    return;
  }
  if (isFields(before) && isFields(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)]))
      collect(before[key], after[key], joined(path, key), into);
    return;
  }
  // Absent and empty are the same to an API server.
  if (isEmpty(before) && isEmpty(after)) return;
  into.push(path);
}

const isFields = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

function joined(path: string, key: string): string {
  if (!/^[A-Za-z_][\w-]*$/.test(key)) return `${path}[${key}]`;
  return path === '' ? key : `${path}.${key}`;
}
