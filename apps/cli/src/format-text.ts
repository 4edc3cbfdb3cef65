import { describeDuration } from '@pgstow/catalog/describe-duration.ts';
import Table from 'cli-table3';

const LINES =
  'top top-mid top-left top-right bottom bottom-mid bottom-left bottom-right left left-mid mid mid-mid right right-mid middle';
const NO_LINES = Object.fromEntries(LINES.split(' ').map((name) => [name, '']));

/** Columns of plain text under a heading, with neither lines nor colours. @param right the columns that hold numbers */
export function formatTable(
  heading: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string {
  const table = new Table({
    chars: NO_LINES,
    colAligns: heading.map((_, index) => (right.includes(index) ? 'right' : 'left')),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
  });
  table.push([...heading], ...rows.map((row) => [...row]));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** `2026-11-26 03:00:05`, in UTC. */
export function formatTime(time: Date): string {
  return time.toISOString().slice(0, 19).replace('T', ' ');
}

/** How long before `now`: `3d 4h`; `in 2h` for what is to come. */
export function formatAge(time: Date, now: Date): string {
  const ms = now.getTime() - time.getTime();
  const text = describeDuration(Math.abs(ms));
  return ms < 0 ? `in ${text}` : text;
}
