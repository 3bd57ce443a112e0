/** Columns of text as kubectl prints them: upper-case heads, three blanks between, at least six characters, none after the last. */

export interface TextTable {
  headers: readonly string[];
  rows: readonly (readonly string[])[];
}

/** `widths` are at least kept, and grow: rows that are printed later stand under the ones before. */
export function formatColumns({ headers, rows }: TextTable, showHeaders = true, widths: number[] = []): string {
  const lines = showHeaders ? [headers.map((header) => header.toUpperCase()), ...rows] : rows;
  for (const line of lines)
    for (const [column, cell] of line.entries()) widths[column] = Math.max(widths[column] ?? 3, cell.length);
  return lines
    .map((line) =>
      line.map((cell, column) => (column === line.length - 1 ? cell : cell.padEnd(widths[column]!))).join('   '),
    )
    .map((line) => `${line}\n`)
    .join('');
}
