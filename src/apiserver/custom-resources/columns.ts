/** additionalPrinterColumns of a CRD version as table columns. */

import { compileJsonPath } from '../../apimachinery/json-path.ts';
import type { DeepReadonly } from '../../apimachinery/object.ts';
import type { TableColumn } from '../../apimachinery/resource-definition.ts';
import { humanDuration } from '../../kubernetes/printing/human-duration.ts';

export interface PrinterColumn {
  name: string;
  type: TableColumn['type'];
  format?: string;
  description?: string;
  priority?: number;
  jsonPath: string;
}

/** Name comes first, always; without columns of its own a kind shows Age as well. */
export function customResourceColumns(columns: readonly DeepReadonly<PrinterColumn>[] | undefined): TableColumn[] {
  const own = columns === undefined || columns.length === 0 ? [ageColumn] : columns;
  return [
    { name: 'Name', type: 'string', format: 'name', cell: (object) => object.metadata.name ?? '' },
    ...own.map(tableColumn),
  ];
}

const ageColumn: PrinterColumn = { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' };

function tableColumn(column: DeepReadonly<PrinterColumn>): TableColumn {
  const find = compileJsonPath(column.jsonPath);
  const result: TableColumn = {
    name: column.name,
    type: column.type,
    format: column.format ?? '',
    description: column.description ?? `Custom resource definition column (in JSONPath format): ${column.jsonPath}`,
    cell: (object, now) => cell(column.type, find(object)[0], now),
  };
  if (column.priority !== undefined) result.priority = column.priority;
  return result;
}

function cell(type: TableColumn['type'], value: unknown, now: number): string | number | boolean | null {
  if (value === undefined || value === null) return null;
  switch (type) {
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'string':
      return typeof value === 'object' ? JSON.stringify(value) : String(value);
    case 'date': {
      if (typeof value !== 'string') return null;
      if (value === '') return '<unknown>';
      const time = Date.parse(value);
      return Number.isNaN(time) ? '<invalid>' : humanDuration(now - time);
    }
  }
}
