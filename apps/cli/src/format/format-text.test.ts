import { expect, it } from 'vitest';
import { formatAge, formatName, formatTime } from './format-text.ts';

it('a time is told in UTC, and an age in either direction', () => {
  const now = new Date('2026-01-02T00:00:00Z');
  expect(formatTime(new Date('2026-01-01T03:04:05.678Z'))).toBe('2026-01-01 03:04:05');
  expect(formatAge(new Date('2026-01-01T03:04:05Z'), now)).toBe('20h 55m');
  expect(formatAge(new Date('2026-01-02T00:00:30Z'), now)).toBe('in 30s');
});

it('a name that a terminal would obey is told as JSON, any other as it is', () => {
  expect(formatName('a\u009b2J\u202e\u2028')).toBe('"a\\u009b2J\\u202e\\u2028"');
  expect(formatName('my "db" \\')).toBe('my "db" \\');
});
