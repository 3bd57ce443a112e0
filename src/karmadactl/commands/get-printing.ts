/** What `get` found, as tables of all clusters together or as each cluster's objects. */
import type { ResourceType } from '../../apimachinery/group-version.ts';
import type { CommandIo } from '../command.ts';
import type { ObjectPrinter } from '../printing/objects.ts';
import { createResourceTable, type ServerTable, type TableStyle } from '../printing/resource-table.ts';
import { sortByPath } from '../printing/sort.ts';
import { type Answer, type Query, typeKey } from './get-query.ts';

/** Grouped by type, in the order of their full names. */
export function printTables(answers: readonly Answer[], query: Query, wide: boolean, io: CommandIo): boolean {
  const byType = new Map<string, Answer[]>();
  for (const answer of answers) byType.set(typeKey(answer.type), [...(byType.get(typeKey(answer.type)) ?? []), answer]);
  let adoption = true;
  let printed = false;
  for (const [, group] of [...byType].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const type = group[0]?.type as ResourceType;
    // As upstream: once pods were printed, the column stays away from what follows.
    if (type.group === '' && type.resource === 'pods') adoption = wide;
    const table = createResourceTable(type, styleOf(type, query, wide, byType.size > 1, adoption));
    const tables = group.flatMap(({ target, tables: own }) => own.map((one) => ({ cluster: target.name, table: one })));
    const text = table.format(query['sort-by'] === '' ? tables : sortRows(tables, query['sort-by']));
    if (text === '') continue;
    io.stdout((printed ? '\n' : '') + text);
    printed = true;
  }
  return printed;
}

/** One table a row: rows of all clusters in one order. */
function sortRows(tables: readonly { cluster: string; table: ServerTable }[], path: string) {
  const rows = tables.flatMap(({ cluster, table }) =>
    (table.rows ?? []).map((row) => ({ cluster, table: { ...table, rows: [row] } })),
  );
  return sortByPath(rows, ({ table }) => table.rows[0]?.object, path);
}

export function styleOf(
  type: ResourceType,
  query: Query,
  wide: boolean,
  several: boolean,
  adoption: boolean,
): TableStyle {
  return {
    wide,
    adoption,
    withNamespace: query.namespace === '' && type.namespaced,
    showKind: several || query['show-kind'],
    showLabels: query['show-labels'],
    labelColumns: query['label-columns'],
    showHeaders: !query['no-headers'],
  };
}

/** Each cluster's objects on their own, the control plane's first. */
export async function printAll(
  answers: readonly Answer[],
  query: Query,
  print: ObjectPrinter,
  io: CommandIo,
): Promise<boolean> {
  let printed = false;
  const separated = query.output === 'yaml';
  for (const target of new Set(answers.map((answer) => answer.target))) {
    const own = answers.filter((answer) => answer.target === target);
    const found = own.flatMap(({ type, objects }) => objects.map((object) => ({ type, object })));
    const items = query['sort-by'] === '' ? found : sortByPath(found, ({ object }) => object, query['sort-by']);
    const named = own.reduce((sum, { names }) => sum + names.length, 0);
    if (items.length === 0 && (named > 0 || own.length < answers.length)) continue;
    const text = await print(items, named === 1);
    io.stdout(printed && separated ? `---\n${text}` : text);
    printed = true;
  }
  return printed;
}
