/** Owns tables for people: columns as wide as their widest cell, two spaces between them. */
import { safeLine } from './safe-text.js';

/** Lines of a table. Cells of columns in `right` (by index) are aligned to the right. */
export function tableText(head: string[], rows: string[][], right: number[] = []): string {
  const cells = [head, ...rows].map((row) => row.map(safeLine));
  const widths = head.map((_, column) => Math.max(...cells.map((row) => (row[column] ?? '').length)));
  const line = (row: string[]): string =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return right.includes(column) ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  return cells.map(line).join('\n');
}

/** Lines of `name: value`, the values in one column. */
export function pairsText(pairs: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...pairs.map(([name]) => name.length));
  return pairs.map(([name, value]) => `${name.padEnd(width)}  ${safeLine(value)}`).join('\n');
}
