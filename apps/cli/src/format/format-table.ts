import { getBorderCharacters, table } from 'table';
import { formatName } from './format-text.ts';

/** Formats columns of plain text under a heading, without lines and colours. @param right the columns of numbers */
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
