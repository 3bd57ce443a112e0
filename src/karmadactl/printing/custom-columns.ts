/** `-o custom-columns=NAME:.metadata.name,IMAGE:.spec.containers[*].image`, or the same in a file of two lines. */
import type { JsonPath } from '../../apimachinery/json-path.ts';
import { formatColumns } from './columns.ts';
import { relaxedPath, textOf } from './json-path-template.ts';

export interface CustomColumns {
  headers: string[];
  paths: JsonPath[];
}

export function parseCustomColumns(spec: string): CustomColumns {
  if (spec === '') throw new Error('custom-columns format specified but no custom columns given');
  const columns: CustomColumns = { headers: [], paths: [] };
  for (const part of splitColumns(spec)) {
    const colon = part.indexOf(':');
    if (colon <= 0 || colon === part.length - 1)
      throw new Error(`unexpected custom-columns spec: ${part}, expected <header>:<json-path-expr>`);
    columns.headers.push(part.slice(0, colon));
    columns.paths.push(relaxedPath(part.slice(colon + 1)));
  }
  return columns;
}

/** A comma inside brackets belongs to the path. */
const splitColumns = (spec: string): string[] => spec.split(/,(?![^[(]*[\])])/);

/** A line of heads and one of paths, both split at blanks. */
export function parseColumnsFile(text: string): CustomColumns {
  const [heads = '', paths = ''] = text.split('\n').filter((line) => line.trim() !== '');
  const headers = heads.trim().split(/\s+/);
  const specs = paths.trim().split(/\s+/);
  if (headers.length !== specs.length || paths.trim() === '')
    throw new Error(
      `number of headers (${headers.length}) and field specifications (${paths.trim() === '' ? 0 : specs.length}) don't match`,
    );
  return { headers, paths: specs.map(relaxedPath) };
}

export function formatCustomColumns(
  { headers, paths }: CustomColumns,
  objects: readonly unknown[],
  showHeaders: boolean,
): string {
  const rows = objects.map((object) =>
    paths.map((find) => {
      const found = find(object).filter((value) => value !== null && value !== undefined);
      return found.length === 0 ? '<none>' : found.map(cellText).join(',');
    }),
  );
  // Heads stay as they are written.
  return formatColumns({ headers: [], rows: showHeaders ? [headers, ...rows] : rows }, false);
}

/** As Go prints: `[a b]`, `map[k:v]`. */
function cellText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(cellText).join(' ')}]`;
  if (typeof value === 'object' && value !== null)
    return `map[${Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, field]) => `${key}:${cellText(field)}`)
      .join(' ')}]`;
  return textOf(value);
}
