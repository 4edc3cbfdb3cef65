import { formatBackupName } from '@pgstow/shared/contract/backup-name.ts';
import { LOCAL, type RestoreTestResult } from '@pgstow/shared/contract/restore-test.ts';
import { describe, expect, it } from 'vitest';
import type { JudgedDump } from './judged-dump.ts';
import { judgeVerdictAge, type VerdictAgeOptions } from './verdict-age-policy.ts';

const HOUR_MS = 3_600_000;
const now = new Date('2026-03-10T12:00:00Z');
const destination = { name: 's3', bucket: 'mine', prefix: '' };
const daily = { kind: 'interval', everyMs: 24 * HOUR_MS } as const;
/** Runs on the 10th and 9th, at 04:00 UTC, and in the nights before. */
const nightly = { kind: 'cron', pattern: '0 4 * * *', timeZone: 'UTC' } as const;
const hoursAgo = (hours: number): string => new Date(now.getTime() - hours * HOUR_MS).toISOString();

type Facts = {
  readonly test?: RestoreTestResult;
  /** An hour after it was taken, unless given. */
  readonly testedAt?: string;
  readonly at?: string;
  readonly confirmedAt?: string | null;
  readonly recordedAt?: string;
};

function dump(hours: number, facts: Facts = {}): JudgedDump {
  const takenAt = hoursAgo(hours);
  const name = formatBackupName('shop', new Date(takenAt));
  const same = { name, bytes: 9, sha256: 'a'.repeat(64) };
  const { test, testedAt = hoursAgo(hours - 1), at = 's3', confirmedAt = takenAt, recordedAt = takenAt } = facts;
  const reason = 'no room';
  return {
    manifest: { ...same, takenAt, recordedAt, sqlBytes: 99 },
    receipts: new Map(
      confirmedAt === null ? [] : [['s3', { ...same, destination: 's3', bucket: 'mine', key: name, confirmedAt }]],
    ),
    restoreTests: new Map(
      test === undefined ? [] : [[at, { name, destination: at, result: test, reason, differences: [], testedAt }]],
    ),
  };
}
const judge = (dumps: readonly JudgedDump[], more: Partial<VerdictAgeOptions> = {}) =>
  judgeVerdictAge({
    dumps,
    schedule: daily,
    destinations: [destination],
    restoreTests: { kind: 'after-upload' },
    now,
    ...more,
  });
const CEASED = 'each backup should be tested after its upload';

describe('after each upload, the last verdict', () => {
  it.each([
    [72, undefined],
    [72.1, `no restore test of it has come to a verdict for 3d, and ${CEASED}`],
    [24 * 90, `no restore test of it has come to a verdict for 90d, and ${CEASED}`],
  ])('may be as old as two intervals and a day: %d h', (hours, untestedReason) => {
    for (const test of ['good', 'bad'] as const)
      expect(judge([dump(hours + 1, { test }), dump(30), dump(6)])).toMatchObject({
        untestedReason,
        isVerdictWanted: true,
        lastVerdict: { result: test },
      });
  });

  it('is not one that could not tell, which is named', () => {
    const { untestedReason, lastVerdict } = judge([dump(100, { test: 'good' }), dump(2, { test: 'could-not-tell' })]);
    expect(untestedReason).toBe(
      `no restore test of it has come to a verdict for 4d 3h, and ${CEASED}; the last one could not tell: no room`,
    );
    expect(lastVerdict?.testedAt).toBe(hoursAgo(99));
  });

  it('is old enough where the newest backup has it: that no newer one comes is another fault', () => {
    expect(judge([dump(1000, { test: 'good' })])).toMatchObject({ untestedReason: undefined, isVerdictWanted: false });
    expect(judge([dump(1000, { test: 'good' }), dump(3, { confirmedAt: null })]).untestedReason).toBeUndefined();
  });

  it('leaves the first dump after a pause an hour, however often it is followed by another', () => {
    const old = dump(1000, { test: 'good' });
    expect(judge([old, dump(0.9)]).untestedReason).toBeUndefined();
    expect(judge([old, dump(1)]).untestedReason).toContain('for 41d 15h');
    const verdictWantedSince = new Date(hoursAgo(1));
    expect(judge([old, dump(0.1)], { verdictWantedSince }).untestedReason).toContain('for 41d 15h');
  });

  it('is of the place where dumps are tested', () => {
    const dumps = [dump(100, { test: 'good' }), dump(3, { test: 'good', at: LOCAL })];
    expect(judge(dumps).untestedReason).toContain('for 4d 3h');
    expect(judge(dumps, { destinations: [] }).untestedReason).toBeUndefined();
  });

  it('is no younger than its dump, should a clock have been ahead', () => {
    const dumps = [dump(100, { test: 'good', testedAt: hoursAgo(-9000) }), dump(3)];
    expect(judge(dumps).untestedReason).toContain('for 4d 4h');
  });
});

describe('a first test that never comes to a verdict', () => {
  const never = (time: string) => `no restore test of it has ever come to a verdict, and one is wanted for ${time}`;

  it('has as long, from when there was something to test', () => {
    expect(judge([dump(72), dump(3)])).toMatchObject({ untestedReason: undefined, isVerdictWanted: true });
    expect(judge([dump(73), dump(3)]).untestedReason).toBe(never('3d 1h'));
    expect(judge([dump(73, { test: 'could-not-tell' })]).untestedReason).toBe(
      `${never('3d 1h')}; the last one could not tell: no room`,
    );
    expect(judge([dump(73)], { restoreTests: nightly }).untestedReason).toBe(never('3d 1h'));
  });

  it('is waited for from the adoption or upload of what is older, and not where there is nothing to test', () => {
    expect(judge([dump(9000, { confirmedAt: hoursAgo(70) })]).untestedReason).toBeUndefined();
    expect(judge([dump(9000, { recordedAt: hoursAgo(70) })], { destinations: [] }).untestedReason).toBeUndefined();
    expect(judge([])).toEqual({ lastVerdict: undefined, isVerdictWanted: false, untestedReason: undefined });
    expect(judge([dump(9000, { confirmedAt: null })]).isVerdictWanted).toBe(false);
  });

  it('is remembered though the dumps of then are pruned', () => {
    expect(judge([dump(1)], { verdictWantedSince: new Date(hoursAgo(100)) }).untestedReason).toBe(never('4d 4h'));
    expect(judge([dump(1)], { verdictWantedSince: new Date(hoursAgo(-100)) }).untestedReason).toBeUndefined();
  });
});

describe('by a cron pattern, the last verdict', () => {
  it('is of one of the last two runs that are over for a day, of whichever dump', () => {
    // At noon, the runs of the 9th and 8th, at 04:00, are over for a day.
    const tested = (testedAt: string) => judge([dump(1000, { test: 'good', testedAt })], { restoreTests: nightly });
    expect(tested('2026-03-08T04:00:01Z').untestedReason).toBeUndefined();
    expect(tested('2026-03-08T03:59:59Z').untestedReason).toBe(
      'no restore test of it has come to a verdict for 2d 8h, and two should have since then (0 4 * * *, UTC)',
    );
  });

  it('is not wanted where tests are off', () => {
    expect(judge([dump(1000)], { restoreTests: { kind: 'off' } })).toMatchObject({
      untestedReason: undefined,
      isVerdictWanted: false,
    });
  });
});

describe('where no identity is there to decrypt', () => {
  const sealed = (hours: number): JudgedDump => {
    const tested = dump(hours, { test: 'could-not-tell' });
    const restoreTests = new Map(
      [...tested.restoreTests].map(([at, test]) => [at, { ...test, isSealed: true as const }]),
    );
    return { ...tested, restoreTests };
  };

  it('a test of all that can be told is no reason for an alarm, and no verdict', () => {
    const dumps = [dump(200, { test: 'good' }), sealed(90), sealed(3)];
    expect(judge(dumps)).toMatchObject({ untestedReason: undefined, isVerdictWanted: false });
    expect(judge(dumps).lastVerdict?.result).toBe('good');
    expect(judge([sealed(3)], { restoreTests: nightly }).untestedReason).toBeUndefined();
  });

  it('its absence is one', () => {
    expect(judge([sealed(90), dump(80), dump(3)]).untestedReason).toContain('for 3d 17h');
  });
});
