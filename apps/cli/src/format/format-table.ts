import { getBorderCharacters, table } from 'table';
import { formatName } from './format-text.ts';

/** Formats columns of plain text under a heading, without lines and colours. @param right the columns of numbers */
export function formatTable(
  heading: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string {
  const cells = [heading, ...rows].map((row) => row.map(formatName));
  const text = cells.every((row) => row.every(isPlain)) ? alignPlain(cells, right) : alignByWidth(cells, right);
  return text.trimEnd().replaceAll(/ +$/gm, '');
}

function isPlain(cell: string): boolean {
  return /^[ -~]*$/.test(cell);
}

/** Aligns cells whose characters are all of one width. Of thousands, the others take a second. */
function alignPlain(cells: readonly (readonly string[])[], right: readonly number[]): string {
  const widths = (cells[0] ?? []).map((_, index) =>
    cells.reduce((most, row) => Math.max(most, row[index]?.length ?? 0), 0),
  );
  const align = (cell: string, index: number): string =>
    right.includes(index) ? cell.padStart(widths[index] ?? 0) : cell.padEnd(widths[index] ?? 0);
  return cells.map((row) => row.map(align).join('  ')).join('\n');
}

function alignByWidth(cells: readonly (readonly string[])[], right: readonly number[]): string {
  return table(
    cells.map((row) => [...row]),
    {
      border: getBorderCharacters('void'),
      columnDefault: { paddingLeft: 0, paddingRight: 2 },
      columns: (cells[0] ?? []).map((_, index) => ({ alignment: right.includes(index) ? 'right' : 'left' })),
      drawHorizontalLine: () => false,
    },
  );
}
