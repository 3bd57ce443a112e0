/** Columns of text as kubectl prints them: upper-case heads, three blanks between, none after the last. */

export interface TextTable {
  headers: readonly string[];
  rows: readonly (readonly string[])[];
}

export function formatColumns({ headers, rows }: TextTable, showHeaders = true): string {
  const lines = showHeaders ? [headers.map((header) => header.toUpperCase()), ...rows] : rows;
  const widths = headers.map((_, column) => Math.max(0, ...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line.map((cell, column) => (column === line.length - 1 ? cell : cell.padEnd(widths[column]!))).join('   '),
    )
    .map((line) => `${line}\n`)
    .join('');
}
