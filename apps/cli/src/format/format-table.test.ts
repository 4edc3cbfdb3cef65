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

  it('is the same, whatever the width of its characters', () => {
    const rows = [
      ['shop', '1', 'x'],
      ['a longer name', '1,000', ''],
    ];
    const plain = formatTable(['NAME', 'ROWS', 'Z'], rows, [1]);
    expect(plain).toBe(['NAME            ROWS  Z', 'shop               1  x', 'a longer name  1,000'].join('\n'));
    expect(formatTable(['NAME', 'ROWS', 'Z'], [...rows, ['ä', '', '']], [1])).toBe(`${plain}\nä`);
  });

  it('with a heading alone is one line', () => {
    expect(formatTable(['A', 'B'], [])).toBe('A  B');
  });

  it('never passes to a terminal what it would obey', () => {
    expect(formatTable(['A'], [['a\u001b[2Jb\nc']])).toBe('A\n"a\\u001b[2Jb\\nc"');
  });
});
