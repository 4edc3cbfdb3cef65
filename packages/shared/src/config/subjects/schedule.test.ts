import { describe, expect, it, test } from 'vitest';
import { readConfig, type ConfigError } from '../read-config.ts';
import { nextRunBy, nextRuns, previousRun, schedule, type Schedule } from './schedule.ts';

const read = (env: Record<string, string>): Schedule => readConfig(env, { schedule }, [schedule]).config.schedule;
const faults = (env: Record<string, string>): readonly string[] => {
  try {
    read(env);
    return [];
  } catch (error) {
    return (error as ConfigError).faults;
  }
};

describe('when dumps are taken', () => {
  it('is every week unless said otherwise', () => {
    expect(read({})).toEqual({ kind: 'interval', everyMs: 604_800_000 });
    expect(read({ BACKUP_INTERVAL: '1' })).toEqual({ kind: 'interval', everyMs: 1000 });
    expect(read({ TZ: 'Europe/Berlin' })).toEqual({ kind: 'interval', everyMs: 604_800_000 });
  });

  it.each(['0 3 * * *', '*/5 * * * *', '30 0 3 * * *', '0 3 * * MON-FRI', '0 0 L * *', '0 3 * * 1#2', '0 3 29 2 *'])(
    'may be %s',
    (BACKUP_CRON) => {
      expect(read({ BACKUP_CRON: ` ${BACKUP_CRON} ` })).toEqual({
        kind: 'cron',
        pattern: BACKUP_CRON,
        timeZone: 'UTC',
      });
    },
  );

  it.each(['Europe/Berlin', 'UTC', 'America/St_Johns', 'Etc/GMT+5', ':Asia/Kathmandu'])('may be in %s', (TZ) => {
    expect(read({ BACKUP_CRON: '0 3 * * *', TZ })).toMatchObject({ timeZone: TZ.replace(/^:/, '') });
  });

  it.each([
    '* * * *',
    '* * * * * * *',
    '60 * * * *',
    '0 24 * * *',
    '0 0 31 2 *',
    'x',
    '@daily',
    '0 3 * * * rm',
    '0 3 0 * *',
  ])('cannot be %s', (BACKUP_CRON) => {
    expect(faults({ BACKUP_CRON })).toEqual([expect.stringContaining(`BACKUP_CRON: expected`)]);
    expect(faults({ BACKUP_CRON })[0]).toContain(JSON.stringify(BACKUP_CRON));
  });

  it.each(['Berlin', 'Europe/Nowhere', 'CET-1CEST', '../etc/localtime'])('cannot be in %s', (TZ) => {
    expect(faults({ BACKUP_CRON: '0 3 * * *', TZ })).toEqual([
      `TZ: expected a time zone such as Europe/Berlin or UTC, got ${JSON.stringify(TZ)}`,
    ]);
  });

  it('is said in one way only', () => {
    expect(faults({ BACKUP_CRON: '0 3 * * *', BACKUP_INTERVAL: '60' })).toEqual([
      'BACKUP_CRON: give either BACKUP_INTERVAL or BACKUP_CRON, not both',
    ]);
  });
});

describe('the time by which the next run is due', () => {
  const now = new Date('2026-03-10T12:00:00Z');

  it('is an interval from now, or the next time of the pattern', () => {
    expect(nextRunBy({ kind: 'interval', everyMs: 3_600_000 }, now)).toEqual(new Date('2026-03-10T13:00:00Z'));
    const when = { kind: 'cron', pattern: '0 3 * * *', timeZone: 'Europe/Berlin' } as const;
    expect(nextRunBy(when, now)).toEqual(new Date('2026-03-11T02:00:00Z'));
  });

  it('lies ahead, or is not known, across all changes of clock', () => {
    const zones = ['America/Santiago', 'Africa/Cairo', 'Europe/Berlin', 'Australia/Lord_Howe'];
    for (const timeZone of zones) {
      for (let at = Date.parse('2026-01-01'); at < Date.parse('2027-01-01'); at += 5 * 3_600_000) {
        const next = nextRunBy({ kind: 'cron', pattern: '0 3 * * *', timeZone }, new Date(at));
        expect(next?.getTime() ?? Number.POSITIVE_INFINITY).toBeGreaterThan(at);
      }
    }
  });
});

test('the next runs follow each other, by the clocks of the time zone', () => {
  const now = new Date('2026-03-27T12:00:00Z');
  const times = (when: Schedule) => nextRuns(when, now, 3).map((run) => run.toISOString().slice(0, 16));
  const nightly = { kind: 'cron', pattern: '0 3 * * *', timeZone: 'Europe/Berlin' } as const;
  expect(times(nightly)).toEqual(['2026-03-28T02:00', '2026-03-29T01:00', '2026-03-30T01:00']);
  expect(times({ kind: 'interval', everyMs: 3_600_000 })).toEqual([
    '2026-03-27T13:00',
    '2026-03-27T14:00',
    '2026-03-27T15:00',
  ]);
});

describe('the last time a dump was wanted', () => {
  const before = (now: string, pattern: string, timeZone = 'Europe/Berlin'): string =>
    previousRun({ kind: 'cron', pattern, timeZone }, new Date(now)).toISOString();

  it('is an interval ago', () => {
    const now = new Date('2026-03-01T00:00:00.500Z');
    expect(previousRun({ kind: 'interval', everyMs: 1500 }, now).toISOString()).toBe('2026-02-28T23:59:59.000Z');
  });

  it('is now, if it is due now', () => {
    expect(before('2026-01-02T02:59:59.999Z', '0 3 * * *', 'UTC')).toBe('2026-01-01T03:00:00.000Z');
    expect(before('2026-01-02T03:00:00.000Z', '0 3 * * *', 'UTC')).toBe('2026-01-02T03:00:00.000Z');
    expect(before('2026-01-02T03:00:00.001Z', '0 3 * * *', 'UTC')).toBe('2026-01-02T03:00:00.000Z');
  });

  it('follows the clock of the time zone', () => {
    expect(before('2026-01-15T12:00:00Z', '0 3 * * *')).toBe('2026-01-15T02:00:00.000Z');
    expect(before('2026-07-15T12:00:00Z', '0 3 * * *')).toBe('2026-07-15T01:00:00.000Z');
    expect(before('2026-07-15T12:00:00Z', '0 3 * * *', 'Asia/Kathmandu')).toBe('2026-07-14T21:15:00.000Z');
  });

  it('stands on both sides of the hour that is skipped in spring', () => {
    expect(before('2026-03-29T00:59:59Z', '0 3 * * *')).toBe('2026-03-28T02:00:00.000Z');
    expect(before('2026-03-29T01:00:00Z', '0 3 * * *')).toBe('2026-03-29T01:00:00.000Z');
  });

  it('is found though the clocks skipped the very hour, as they do with midnight in some places', () => {
    expect(before('2026-09-06T12:00:00Z', '0 0 * * *', 'America/Santiago')).toBe('2026-09-05T04:00:00.000Z');
    expect(before('2026-04-24T12:00:00Z', '0 0 * * *', 'Africa/Cairo')).toBe('2026-04-22T22:00:00.000Z');
    expect(before('2026-04-24T12:00:00Z', '0 0,13 * * *', 'Africa/Cairo')).toBe('2026-04-24T10:00:00.000Z');
    expect(before('2026-04-24T09:59:59Z', '0 0,13 * * *', 'Africa/Cairo')).toBe('2026-04-23T11:00:00.000Z');
  });

  it('never lies ahead and never more than two days back for a daily dump, across all changes of clock', () => {
    const changes = {
      'Europe/Berlin': ['03-29', '10-25'],
      'America/Santiago': ['04-05', '09-06'],
      'Australia/Lord_Howe': ['04-05', '10-04'],
    };
    for (const [timeZone, days] of Object.entries(changes)) {
      for (const pattern of ['0 0 * * *', '30 2 * * *', '59 23 * * *']) {
        for (const day of days) {
          for (let minutes = -720; minutes < 2160; minutes += 150) {
            const now = new Date(Date.parse(`2026-${day}T00:00:00Z`) + minutes * 60_000);
            const age = now.getTime() - previousRun({ kind: 'cron', pattern, timeZone }, now).getTime();
            expect(age).toBeGreaterThanOrEqual(0);
            expect(age).toBeLessThanOrEqual(49 * 3_600_000);
          }
        }
      }
    }
  });
});
