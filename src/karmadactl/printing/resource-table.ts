/** Tables of the servers, put together: the name, the cluster it is in, what the server shows, whether Karmada manages it. */
import type { ResourceType } from '../../apimachinery/group-version.ts';
import type { ObjectMeta } from '../../apimachinery/object.ts';
import { managedLabel, managedLabelValue } from '../../apis/constants.ts';
import { controlPlaneName } from '../member-access.ts';
import { shownName } from '../resource-arguments.ts';
import { formatColumns } from './columns.ts';

export const tableAccept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

export interface ServerTable {
  kind?: string;
  metadata?: { resourceVersion?: string };
  columnDefinitions?: { name: string; priority?: number }[];
  rows?: { cells: unknown[]; object?: { metadata?: ObjectMeta } }[];
}

export interface TableStyle {
  wide: boolean;
  withNamespace: boolean;
  /** `pod/web` instead of `web`. */
  showKind: boolean;
  showLabels: boolean;
  labelColumns: readonly string[];
  showHeaders: boolean;
  /** The ADOPTION column is shown. */
  adoption: boolean;
}

/** Keeps the columns of the first table, so that later rows (of a watch) fit under them. */
export function createResourceTable(type: ResourceType, style: TableStyle) {
  let columns: { name: string; at: number }[] | undefined;
  let headersDue = style.showHeaders;
  const widths: number[] = [];

  const cell = (value: unknown): string =>
    (value === null || value === undefined ? '<none>' : String(value)).replaceAll('\n', '\\n');
  const adoptionOf = (cluster: string, metadata: ObjectMeta | undefined): string => {
    if (cluster === controlPlaneName) return '-';
    return metadata?.labels?.[managedLabel] === managedLabelValue ? 'Y' : 'N';
  };

  return {
    /** Empty when there is no row. `event`: the first column, of a watch that shows it. */
    format(tables: readonly { cluster: string; table: ServerTable }[], event?: string): string {
      if (columns === undefined) {
        const definitions = tables.find(({ table }) => table.columnDefinitions !== undefined)?.table.columnDefinitions;
        columns = definitions
          ?.map(({ name, priority = 0 }, at) => ({ name, at, shown: style.wide || priority === 0 }))
          .filter(({ shown }) => shown);
      }
      const [first, ...rest] = columns ?? [];
      const rows = tables.flatMap(({ cluster, table }) =>
        (table.rows ?? []).map(({ cells, object }) => {
          const name = cell(cells[first?.at ?? 0]);
          const labels = object?.metadata?.labels ?? {};
          return [
            ...(event === undefined ? [] : [event]),
            ...(style.withNamespace ? [object?.metadata?.namespace ?? ''] : []),
            style.showKind ? shownName(type, name) : name,
            cluster,
            ...rest.map(({ at }) => cell(cells[at])),
            ...(style.adoption ? [adoptionOf(cluster, object?.metadata)] : []),
            ...style.labelColumns.map((key) => labels[key] ?? ''),
            ...(style.showLabels ? [labelText(labels)] : []),
          ];
        }),
      );
      if (rows.length === 0) return '';
      const headers = [
        ...(event === undefined ? [] : ['Event']),
        ...(style.withNamespace ? ['Namespace'] : []),
        first?.name ?? 'Name',
        'Cluster',
        ...rest.map(({ name }) => name),
        ...(style.adoption ? ['Adoption'] : []),
        ...style.labelColumns.map((key) => key.split('/').at(-1) ?? key),
        ...(style.showLabels ? ['Labels'] : []),
      ];
      const text = formatColumns({ headers, rows }, headersDue, widths);
      headersDue = false;
      return text;
    },
  };
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? '<none>' : pairs.sort().join(',');
}
