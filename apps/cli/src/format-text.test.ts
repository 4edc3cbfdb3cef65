import { describe, expect, it } from 'vitest';
import { formatAge, formatName, formatTable, formatTime } from './format-text.ts';

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
    expect(formatName('a\u009b2J\u202e\u2028')).toBe('"a\\u009b2J\\u202e\\u2028"');
    expect(formatName('my "db" \\')).toBe('my "db" \\');
  });
});

it('a time is told in UTC, and an age in either direction', () => {
  const now = new Date('2026-01-02T00:00:00Z');
  expect(formatTime(new Date('2026-01-01T03:04:05.678Z'))).toBe('2026-01-01 03:04:05');
  expect(formatAge(new Date('2026-01-01T03:04:05Z'), now)).toBe('20h 55m');
  expect(formatAge(new Date('2026-01-02T00:00:30Z'), now)).toBe('in 30s');
});
