import type { Schedule } from '@pgstow/shared/config/subjects/schedule.ts';
import { isScheduleId, scheduleId } from '@pgstow/shared/contract/jobs.ts';
import { describe, expect, test } from 'vitest';
import { planSchedules, type ScheduleEntry } from './schedule-plan.ts';

const names = { idOf: scheduleId, isOurs: isScheduleId };
const hourly: Schedule = { kind: 'interval', everyMs: 3_600_000 };
const daily: Schedule = { kind: 'interval', everyMs: 24 * 3_600_000 };
const atThree: Schedule = { kind: 'cron', pattern: '0 3 * * *', timeZone: 'Europe/Berlin' };
const atFour: Schedule = { kind: 'cron', pattern: '0 4 * * *', timeZone: 'Europe/Berlin' };

const noon = new Date('2026-03-10T12:00:00Z');
const lastNight = new Date('2026-03-10T02:00:00Z'); // three o'clock in Berlin, in winter
const nextNight = new Date('2026-03-11T02:00:00Z');

function entry(schedule: Schedule | undefined, nextRun: Date, more: Partial<ScheduleEntry> = {}): ScheduleEntry {
  return { id: scheduleId('shop'), schedule, nextRun, nextJob: 'waiting', isCurrent: true, ...more };
}

function planShop(schedule: Schedule, existing?: ScheduleEntry, now = noon) {
  const [action, ...others] = planSchedules(['shop'], schedule, existing === undefined ? [] : [existing], now, names);
  expect(others).toEqual([]);
  return action;
}

describe('a target without an entry', () => {
  test('gets one; an interval fires by itself at once', () => {
    const action = planShop(hourly);
    expect(action).toMatchObject({ kind: 'create', id: 'dump.shop', target: 'shop' });
    expect(action).not.toHaveProperty('oneOff');
  });

  test('gets a first dump besides a cron entry, which waits for its time', () => {
    expect(planShop(atThree)).toMatchObject({
      kind: 'create',
      oneOff: { name: 'first', jobId: `first.shop.${lastNight.getTime()}` },
    });
  });

  test('gets the same first job from every scheduler of that day and another one the day after', () => {
    const evening = planShop(atThree, undefined, new Date('2026-03-10T22:00:00Z'));
    expect(evening).toMatchObject({ oneOff: { jobId: `first.shop.${lastNight.getTime()}` } });
    const tomorrow = planShop(atThree, undefined, new Date('2026-03-11T12:00:00Z'));
    expect(tomorrow).toMatchObject({ oneOff: { jobId: `first.shop.${nextNight.getTime()}` } });
  });
});

describe('an entry that is right already', () => {
  test('is left alone', () => {
    expect(planShop(atThree, entry(atThree, nextNight))).toMatchObject({ kind: 'keep' });
    expect(planShop(hourly, entry(hourly, new Date('2026-03-10T12:30:00Z')))).toMatchObject({ kind: 'keep' });
  });

  test('is left alone with a missed run pending, for weeks if need be', () => {
    const weeksLater = new Date('2026-04-01T12:00:00Z');
    expect(planShop(atThree, entry(atThree, lastNight), weeksLater)).toMatchObject({ kind: 'keep' });
    expect(planShop(hourly, entry(hourly, lastNight), weeksLater)).toMatchObject({ kind: 'keep' });
  });

  test('is left alone while its job is being taken', () => {
    expect(planShop(atThree, entry(atThree, lastNight, { nextJob: 'active' }))).toMatchObject({ kind: 'keep' });
  });
});

describe('an entry whose jobs were made by another version', () => {
  test('is renewed', () => {
    expect(planShop(atThree, entry(atThree, nextNight, { isCurrent: false }))).toMatchObject({ kind: 'renew' });
  });

  test('waits for that with a missed cron run pending, which it would drop', () => {
    expect(planShop(atThree, entry(atThree, lastNight, { isCurrent: false }))).toMatchObject({ kind: 'keep' });
  });

  test('waits for that with a run due any moment', () => {
    const justBefore = new Date(nextNight.getTime() - 1000);
    const action = planShop(atThree, entry(atThree, nextNight, { isCurrent: false }), justBefore);
    expect(action).toMatchObject({ kind: 'keep' });
  });

  test('is renewed at any time if it is an interval, which keeps a missed run', () => {
    expect(planShop(hourly, entry(hourly, lastNight, { isCurrent: false }))).toMatchObject({ kind: 'renew' });
  });
});

describe('a changed schedule', () => {
  test.each<[string, Schedule, Schedule]>([
    ['another interval', hourly, daily],
    ['another pattern', atThree, atFour],
    ['another time zone', atThree, { ...atThree, timeZone: 'UTC' }],
    ['an interval instead of a pattern', atThree, hourly],
    ['a pattern instead of an interval', hourly, atThree],
  ])('takes effect: %s', (_name, before, after) => {
    const action = planShop(after, entry(before, nextNight));
    expect(action).toMatchObject({ kind: 'change', reason: expect.stringContaining(' now') as string });
    expect(action).not.toHaveProperty('oneOff');
  });

  test.each<[string, Schedule]>([
    ['pattern', atThree],
    ['interval', daily],
  ])('catches up the missed run of the %s before it', (_name, before) => {
    expect(planShop(atFour, entry(before, lastNight))).toMatchObject({
      kind: 'change',
      oneOff: { name: 'catch-up', jobId: `catch-up.shop.${lastNight.getTime()}` },
    });
  });

  test('catches up nothing where the new interval fires at once anyway', () => {
    expect(planShop(hourly, entry(atThree, lastNight))).not.toHaveProperty('oneOff');
  });

  test('catches up nothing that is running right now', () => {
    expect(planShop(atFour, entry(atThree, lastNight, { nextJob: 'active' }))).not.toHaveProperty('oneOff');
  });

  test('replaces what is of no kind that we write', () => {
    expect(planShop(hourly, entry(undefined, nextNight))).toMatchObject({ kind: 'change' });
  });
});

describe('an entry whose next job is gone', () => {
  test('is mended, since it would never fire again', () => {
    const action = planShop(atThree, entry(atThree, nextNight, { nextJob: 'gone' }));
    expect(action).toMatchObject({ kind: 'mend' });
    expect(action).not.toHaveProperty('oneOff');
  });

  test.each([atThree, hourly])('and whose run is lost with it is caught up: $kind', (schedule) => {
    expect(planShop(schedule, entry(schedule, lastNight, { nextJob: 'gone' }))).toMatchObject({
      kind: 'mend',
      oneOff: { name: 'catch-up', jobId: `catch-up.shop.${lastNight.getTime()}` },
    });
  });
});

describe('an entry whose next run is further off than the schedule allows', () => {
  const hours = (count: number): Date => new Date(noon.getTime() + count * 3_600_000);

  test('has it at the next time of its pattern', () => {
    const skipped = new Date('2026-03-12T02:00:00Z');
    expect(planShop(atThree, entry(atThree, skipped))).toMatchObject({ kind: 'mend', nextRun: nextNight });
  });

  test.each([
    [1.5, 0.5],
    [2, 1],
    [100.25, 0.25],
  ])('has it within its interval, at the same minute of the hour: %d hours ahead', (ahead, mended) => {
    expect(planShop(hourly, entry(hourly, hours(ahead)))).toMatchObject({ kind: 'mend', nextRun: hours(mended) });
  });

  test('is left alone up to a whole interval ahead', () => {
    expect(planShop(hourly, entry(hourly, hours(1)))).toMatchObject({ kind: 'keep' });
  });
});

describe('several targets', () => {
  const soon = new Date('2026-03-10T12:30:00Z');

  test('each have an entry, and one that is not configured any more loses its own', () => {
    const left = { ...entry(hourly, soon), id: scheduleId('old') };
    const actions = planSchedules(['shop', 'my db'], hourly, [left, entry(hourly, soon)], noon, names);
    expect(actions).toMatchObject([
      { kind: 'remove', id: 'dump.old', reason: expect.stringContaining('does not ask for it') as string },
      { kind: 'keep', id: 'dump.shop' },
      { kind: 'create', id: 'dump.my%20db', target: 'my db' },
    ]);
  });

  test('never touch an entry that somebody else made', () => {
    const foreign = { ...entry(hourly, soon), id: 'nightly-report' };
    expect(planSchedules(['shop'], hourly, [foreign, entry(hourly, soon)], noon, names)).toHaveLength(1);
  });
});
