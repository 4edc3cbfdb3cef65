import { expect, it } from 'vitest';
import { describeSchedule, formatRun } from './describe-schedule.ts';

it.each([
  ['0 3 * * *', 'at 03:00 (0 3 * * *, Europe/Berlin)'],
  ['0 3 * * 1-5', 'at 03:00, Monday through Friday (0 3 * * 1-5, Europe/Berlin)'],
  ['30 0 3 1 * *', 'at 03:00:30, on day 1 of the month (30 0 3 1 * *, Europe/Berlin)'],
  // cron-parser knows it, cronstrue does not.
  ['H 3 * * *', 'by the pattern (H 3 * * *, Europe/Berlin)'],
])('the pattern %s in words', (pattern, words) => {
  expect(describeSchedule({ kind: 'cron', pattern, timeZone: 'Europe/Berlin' })).toBe(words);
});

it('an interval in words', () => {
  expect(describeSchedule({ kind: 'interval', everyMs: 5_400_000 })).toBe('every 1h 30m');
});

it('a run by the clocks of its time zone', () => {
  expect(formatRun(new Date('2026-07-01T23:30:00Z'), 'Europe/Berlin')).toBe('Thu 2026-07-02 01:30');
  expect(formatRun(new Date('2026-07-01T00:00:00Z'), 'UTC')).toBe('Wed 2026-07-01 00:00');
});
