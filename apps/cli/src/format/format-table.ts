import { getBorderCharacters, table } from 'table';
import { formatName } from './format-text.ts';

/** Columns of plain text under a heading, with neither lines nor colours. @param right the columns that hold numbers */
export function formatTable(
  heading: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string {
  const text = table(
    [heading, ...rows].map((row) => row.map(formatName)),
    {
      border: getBorderCharacters('void'),
      columnDefault: { paddingLeft: 0, paddingRight: 2 },
      columns: heading.map((_, index) => ({ alignment: right.includes(index) ? 'right' : 'left' })),
      drawHorizontalLine: () => false,
    },
  );
  return text.trimEnd().replaceAll(/ +$/gm, '');
}
