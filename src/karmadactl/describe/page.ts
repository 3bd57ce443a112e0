/** The page that a description is written on: indented lines whose cells, split by tabs, stand under each other. */

export interface Page {
  /** `text` behind two blanks for each level. It may be a part of a line, and hold tabs. */
  write(level: number, text: string): void;
  /** What ends a line that was begun; a nested page indents it too. */
  end(text: string): void;
  line(level: number, ...cells: string[]): void;
}

export interface WholePage extends Page {
  text(): string;
}

export function createPage(): WholePage {
  const parts: string[] = [];
  return {
    ...pageOver((text) => parts.push(text), ''),
    text: () => alignCells(parts.join('')),
  };
}

function pageOver(add: (text: string) => void, prefix: string): Page {
  const write = (level: number, text: string): void => add(prefix + '  '.repeat(level) + text);
  return {
    write,
    end: (text) => write(0, `${text}\n`),
    line: (level, ...cells) => write(level, `${cells.join('\t')}\n`),
  };
}

/** Every part written is indented, also within a line: kubectl's nested descriptions look so. */
export const nested = (page: Page, level: number): Page => pageOver((text) => page.write(0, text), '  '.repeat(level));

const padding = 2;

/**
 * A column is as wide as the widest of its cells in neighbouring lines; a line without the column ends it.
 * What stands behind the last tab of a line belongs to no column.
 */
export function alignCells(text: string): string {
  const lines = text.split('\n').map((line) => line.split('\t'));
  const widths: number[][] = lines.map(() => []);
  alignColumn(lines, widths, 0, lines.length, 0);
  return lines.map((cells, at) => cells.map((cell, column) => padded(cell, widths[at]?.[column])).join('')).join('\n');
}

const widthOf = (cell: string): number => [...cell].length;

const padded = (cell: string, width: number | undefined): string =>
  width === undefined ? cell : cell + ' '.repeat(width - widthOf(cell));

function alignColumn(lines: readonly string[][], widths: number[][], from: number, to: number, column: number): void {
  const has = (at: number): boolean => (lines[at]?.length ?? 0) - 1 > column;
  for (let start = from; start < to; ) {
    if (!has(start)) {
      start++;
      continue;
    }
    let end = start;
    let width = 0;
    for (; end < to && has(end); end++) width = Math.max(width, widthOf(lines[end]?.[column] ?? ''));
    for (let at = start; at < end; at++) widths[at]?.push(width + padding);
    alignColumn(lines, widths, start, end, column + 1);
    start = end;
  }
}
