import type { KeepPeriods } from '@pgstow/shared/config/values/keep-variables.ts';
import { describe, expect, it } from 'vitest';
import { describePeriods, whyPeriodsKeep } from './period-policy.ts';

const NONE: KeepPeriods = { hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 };
const HOUR_MS = 60 * 60 * 1000;

/** Times that stay. @param takenAt newest first */
const kept = (takenAt: readonly string[], keep: Partial<KeepPeriods>, timeZone = 'UTC'): readonly string[] => {
  const reasons = whyPeriodsKeep(takenAt, { ...NONE, ...keep }, timeZone);
  return takenAt.filter((_, index) => reasons[index] !== undefined);
};

/** Times every so many hours before another, that one first. */
const every = (hours: number, count: number, from: string): readonly string[] =>
  Array.from({ length: count }, (_, index) => new Date(Date.parse(from) - index * hours * HOUR_MS).toISOString());

describe('retention by periods', () => {
  it('keeps nothing unless asked to', () => {
    expect(kept(every(1, 100, '2026-06-15T12:00:00Z'), {})).toEqual([]);
    expect(kept([], { daily: 7 })).toEqual([]);
  });

  it('keeps the newest of each period', () => {
    const sixHourly = every(6, 40, '2026-06-15T18:00:00Z');
    expect(kept(sixHourly, { daily: 3 })).toEqual([
      '2026-06-15T18:00:00.000Z',
      '2026-06-14T18:00:00.000Z',
      '2026-06-13T18:00:00.000Z',
    ]);
    expect(kept(sixHourly, { hourly: 2 })).toEqual(['2026-06-15T18:00:00.000Z', '2026-06-15T12:00:00.000Z']);
    // The 15th is a Monday.
    expect(kept(sixHourly, { weekly: 2 })).toEqual(['2026-06-15T18:00:00.000Z', '2026-06-14T18:00:00.000Z']);
    const monthsOfDays = every(24, 800, '2026-06-15T03:00:00Z');
    expect(kept(monthsOfDays, { monthly: 3 })).toEqual([
      '2026-06-15T03:00:00.000Z',
      '2026-05-31T03:00:00.000Z',
      '2026-04-30T03:00:00.000Z',
    ]);
    expect(kept(monthsOfDays, { yearly: 2 })).toEqual(['2026-06-15T03:00:00.000Z', '2025-12-31T03:00:00.000Z']);
  });

  it('passes over periods without a dump', () => {
    const rare = ['2026-06-15T03:00:00Z', '2026-03-01T03:00:00Z', '2026-03-01T02:00:00Z', '2024-01-01T03:00:00Z'];
    expect(kept([...rare, '2020-01-01T00:00:00Z'], { daily: 3 })).toEqual([rare[0], rare[1], rare[3]]);
  });

  it('keeps the oldest while there are fewer periods than wanted', () => {
    const oneDay = every(1, 10, '2026-06-15T12:00:00Z');
    expect(kept(oneDay, { daily: 7 })).toEqual([oneDay[0], oneDay[9]]);
    expect(kept(oneDay, { daily: 1 })).toEqual([oneDay[0]]);
  });

  it.each([
    ['UTC', ['2026-06-15T23:30:00Z', '2026-06-14T20:00:00Z']],
    ['Europe/Berlin', ['2026-06-15T23:30:00Z', '2026-06-15T21:30:00Z']],
    ['Pacific/Auckland', ['2026-06-15T23:30:00Z', '2026-06-14T20:00:00Z']],
  ])('lets days begin at midnight in %s', (timeZone, stay) => {
    const times = ['2026-06-15T23:30:00Z', '2026-06-15T21:30:00Z', '2026-06-14T20:00:00Z', '2026-06-01T00:00:00Z'];
    expect(kept(times, { daily: 2 }, timeZone)).toEqual(stay);
  });

  it.each([
    // Sunday and Monday; the last days of a year that belong to the first week of the next, and the other way round.
    ['2026-06-14T12:00:00Z', '2026-W24'],
    ['2026-06-15T12:00:00Z', '2026-W25'],
    ['2024-12-30T12:00:00Z', '2025-W01'],
    ['2027-01-03T12:00:00Z', '2026-W53'],
    ['2020-12-31T12:00:00Z', '2020-W53'],
  ])('counts %s as %s', (time, week) => {
    expect(whyPeriodsKeep([time], { ...NONE, weekly: 1 }, 'UTC')[0]).toEqual({
      period: 'weekly',
      reason: `it is the newest of ${week}, 1 of 1 weekly ones`,
    });
  });

  it('takes an hour that the clocks repeat for one, and misses none that they skip', () => {
    // 25 October 2026: 01:30Z is 02:30 for the second time in Berlin; 29 March: 00:30Z is 01:30, and 01:30Z is 03:30.
    expect(
      kept(['2026-10-25T01:30:00Z', '2026-10-25T00:30:00Z', '2026-10-01T00:00:00Z'], { hourly: 2 }, 'Europe/Berlin'),
    ).toEqual(['2026-10-25T01:30:00Z', '2026-10-01T00:00:00Z']);
    expect(kept(['2026-03-29T01:30:00Z', '2026-03-29T00:30:00Z'], { hourly: 2 }, 'Europe/Berlin')).toHaveLength(2);
  });

  it('agrees with a slower way of counting', () => {
    let seed = 1;
    const random = (below: number): number => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    for (let history = 0; history < 200; history += 1) {
      let time = Date.parse('2027-02-01T00:00:00Z');
      const times = Array.from({ length: 1 + random(60) }, () => {
        time -= (1 + random(400)) * HOUR_MS;
        return new Date(time).toISOString();
      });
      const daily = 1 + random(10);
      const days = [...new Set(times.map((each) => each.slice(0, 10)))].slice(0, daily);
      const newest = days.map((day) => times.find((each) => each.startsWith(day)));
      const oldest = days.length < daily ? [times.at(-1)] : [];
      expect(kept(times, { daily })).toEqual(times.filter((each) => [...newest, ...oldest].includes(each)));
    }
  });

  it('is put into words', () => {
    expect(describePeriods(NONE)).toBe('');
    expect(describePeriods({ hourly: 0, daily: 7, weekly: 1, monthly: 0, yearly: 10 })).toBe(
      '7 days, 1 week, 10 years',
    );
  });
});
