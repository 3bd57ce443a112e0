/** One measured figure and how it was taken. */
export interface Row {
  name: string;
  value: number;
  unit: string;
  how: string;
}

export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil((p / 100) * sorted.length) - 1)] ?? Number.NaN;
}

export function formatRows(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    row.name,
    `${Number.isInteger(row.value) ? row.value : row.value.toPrecision(4)} ${row.unit}`,
    row.how,
  ]);
  const widths = [0, 1].map((column) => Math.max(...cells.map((cell) => cell[column]?.length ?? 0)));
  return cells
    .map(
      ([name = '', value = '', how = '']) =>
        `${name.padEnd(widths[0] ?? 0)}  ${value.padStart(widths[1] ?? 0)}  ${how}`,
    )
    .join('\n');
}
