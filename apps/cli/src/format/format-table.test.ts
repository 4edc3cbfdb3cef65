import { describe, expect, it } from 'vitest';
import { formatTable } from './format-table.ts';

describe('a table', () => {
  it('is columns under a heading, without lines or spaces at the end', () => {
    const rows = [
      ['shop', '1', 'x'],
      ['Größe 名', '1,000', ''],
    ];
    expect(formatTable(['NAME', 'ROWS', 'Z'], rows, [1])).toBe(
      ['NAME       ROWS  Z', 'shop          1  x', 'Größe 名  1,000'].join('\n'),
    );
  });

  it('with a heading alone is one line', () => {
    expect(formatTable(['A', 'B'], [])).toBe('A  B');
  });

  it('never passes to a terminal what it would obey', () => {
    expect(formatTable(['A'], [['a\u001b[2Jb\nc']])).toBe('A\n"a\\u001b[2Jb\\nc"');
  });
});
