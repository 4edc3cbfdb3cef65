import type { Schedule } from '@pgstow/shared/config/subjects/schedule.ts';
import { formatBackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { Destination } from '@pgstow/shared/contract/destination.ts';
import type { S3Receipt } from '@pgstow/shared/contract/receipt.ts';
import type { RestoreTestResult } from '@pgstow/shared/contract/restore-test.ts';
import { describe, expect, it, test } from 'vitest';
import type { KnownDump } from '../folder/read-folder.ts';
import { judgeHealth, type HealthOptions } from './health-policy.ts';

const SHA256 = 'a'.repeat(64);
const now = new Date('2026-03-10T12:00:00Z');
const destination = { name: 's3', bucket: 'mine', prefix: '' };
const daily: Schedule = { kind: 'interval', everyMs: 24 * 3_600_000 };
const nightly: Schedule = { kind: 'cron', pattern: '0 3 * * *', timeZone: 'Europe/Berlin' };
const everySecond: Schedule = { kind: 'interval', everyMs: 1000 };

type Test = { readonly result: RestoreTestResult; readonly testedAt: string; readonly destination?: string };
type Facts = {
  readonly confirmed?: boolean;
  readonly recordedAt?: string;
  readonly tests?: readonly Test[];
  readonly suspect?: boolean;
};

const dumpAt = (
  time: string,
  { confirmed = true, recordedAt = time, tests = [], suspect = false }: Facts = {},
): KnownDump => {
  const name = formatBackupName('shop', new Date(time));
  const facts = { version: 1, name, bytes: 9, sha256: SHA256 } as const;
  const receipt = {
    ...facts,
    destination: 's3',
    bucket: 'mine',
    key: name,
    confirmedBy: 'etag',
    confirmedAt: time,
  } as const;
  return {
    manifest: {
      ...facts,
      database: 'shop',
      takenAt: time,
      origin: 'dumped',
      recordedAt,
      sqlBytes: 99,
      ...(suspect ? { suspect: { percent: 2, usualSqlBytes: 5000 } } : {}),
    },
    receipts: new Map(confirmed ? [['s3', receipt]] : []),
    restoreTests: new Map(
      tests.map(({ result, testedAt, destination = 's3' }) => [
        destination,
        {
          version: 1,
          name,
          destination,
          sha256: SHA256,
          result,
          testedAt,
          differences: result === 'bad' ? ['public.a has 1 row, not 2'] : [],
          differenceCount: 1,
          notes: [],
          durationMs: 1,
        },
      ]),
    ),
  };
};
const judge = (dumps: readonly KnownDump[], more: Partial<HealthOptions> = {}) =>
  judgeHealth({ dumps, schedule: daily, destinations: [destination], restoreTests: { kind: 'off' }, now, ...more });
const hoursAgo = (hours: number): string => new Date(now.getTime() - hours * 3_600_000).toISOString();

describe('a database', () => {
  it('that was never backed up is not healthy', () => {
    expect(judge([])).toMatchObject({ isHealthy: false, reasons: ['it has never been backed up'], newest: undefined });
  });

  it('with a fresh, confirmed backup is, and shows its newest', () => {
    const [older, newest] = [dumpAt(hoursAgo(30)), dumpAt(hoursAgo(6), { confirmed: false })];
    expect(judge([older, newest])).toEqual({
      isHealthy: true,
      reasons: [],
      warnings: [],
      newest,
      newestConfirmed: older,
      newestRestoreTest: undefined,
      isVerdictWanted: false,
    });
  });

  it.each([true, false])('needs no upload where none is configured, confirmed elsewhere or not: %s', (confirmed) => {
    const dump = dumpAt(hoursAgo(6), { confirmed });
    expect(judge([dump], { destinations: [] })).toMatchObject({ isHealthy: true, newestConfirmed: dump });
    expect(judge([dumpAt(hoursAgo(60), { confirmed })], { destinations: [] }).reasons).toEqual([
      'its newest dump is 2d 12h old, and one every 1d is wanted',
    ]);
  });

  it('whose dumps are confirmed elsewhere only is not healthy', () => {
    const dumps = [dumpAt(hoursAgo(6), { recordedAt: hoursAgo(0) })];
    expect(judge(dumps, { destinations: [{ ...destination, bucket: 'other' }] }).reasons).toEqual([
      'no dump of it has reached s3, where its only one should be',
    ]);
  });
});

describe('a database with two destinations', () => {
  const destinations: readonly Destination[] = [destination, { name: 'copy', folder: '/nas', prefix: '' }];
  const judgeBoth = (dumps: readonly KnownDump[]) => judge(dumps, { destinations });
  const copied = (dump: KnownDump): KnownDump => {
    const { bucket: _bucket, ...receipt } = dumpAt(dump.manifest.takenAt).receipts.get('s3') as S3Receipt;
    return {
      ...dump,
      receipts: new Map([
        ...dump.receipts,
        ['copy', { ...receipt, destination: 'copy', folder: '/nas', medium: 'network' }],
      ]),
    };
  };

  it('counts a dump once both have confirmed it', () => {
    const [older, newest] = [copied(dumpAt(hoursAgo(30))), dumpAt(hoursAgo(6))];
    expect(judgeBoth([older, newest])).toMatchObject({ isHealthy: true, newest, newestConfirmed: older });
    const both = copied(newest);
    expect(judgeBoth([older, both]).newestConfirmed).toBe(both);
  });

  it('says which of them lacks dumps', () => {
    const recordedAt = hoursAgo(0);
    expect(judgeBoth([dumpAt(hoursAgo(5), { recordedAt })]).reasons).toEqual([
      'no dump of it has reached copy, where its only one should be',
    ]);
    expect(judgeBoth([copied(dumpAt(hoursAgo(70))), dumpAt(hoursAgo(6))]).reasons).toEqual([
      'its newest backup at copy is 2d 22h old, and one every 1d is wanted',
    ]);
    expect(judgeBoth([dumpAt(hoursAgo(60)), copied(dumpAt(hoursAgo(6), { confirmed: false }))]).reasons).toEqual([
      'none of its dumps has reached all of s3 and copy, where all 2 should be',
      `a dump has waited too long to be uploaded to copy; ${formatBackupName('shop', new Date(hoursAgo(60)))} since 2d 12h`,
    ]);
  });
});

describe('the newest confirmed backup', () => {
  test.each([
    [48.9, true],
    [49, true],
    [49.1, false],
  ])('of an interval of a day may be two days and an hour old: %d h, %s', (hours, isHealthy) => {
    expect(judge([dumpAt(hoursAgo(hours))]).isHealthy).toBe(isHealthy);
  });

  // At three in Berlin; the run before the last one is on the 9th, at 02:00 UTC.
  test.each([
    ['2026-03-10T12:00:00Z', '2026-03-09T02:00:01Z', true],
    ['2026-03-10T12:00:00Z', '2026-03-09T01:59:59Z', false],
    // The run of the 10th has had less than an hour.
    ['2026-03-10T02:59:59Z', '2026-03-08T02:00:01Z', true],
    ['2026-03-10T03:00:00Z', '2026-03-08T02:00:01Z', false],
    // The clocks go forward on the 29th: the run is an hour earlier in UTC.
    ['2026-03-30T01:59:59Z', '2026-03-28T02:00:01Z', true],
    ['2026-03-30T02:00:00Z', '2026-03-28T02:00:01Z', false],
  ])('of a cron pattern may have missed one run, and not two: at %s, one of %s: %s', (time, takenAt, isHealthy) => {
    expect(judge([dumpAt(takenAt)], { schedule: nightly, now: new Date(time) }).isHealthy).toBe(isHealthy);
  });

  it('is what counts, not a newer dump that did not get there', () => {
    const { reasons, isHealthy } = judge([dumpAt(hoursAgo(72)), dumpAt(hoursAgo(1), { confirmed: false })]);
    expect(isHealthy).toBe(false);
    expect(reasons).toEqual(['its newest backup at s3 is 3d old, and one every 1d is wanted']);
    expect(judge([dumpAt('2026-03-05T02:00:00Z')], { schedule: nightly }).reasons).toEqual([
      'its newest backup at s3 is 5d 10h old, and it should have been dumped twice since then (0 3 * * *, Europe/Berlin)',
    ]);
  });
});

describe('a suspect dump', () => {
  const suspectAt = (time: string, facts: Facts = {}) => dumpAt(time, { ...facts, suspect: true });

  it('is no backup, and by itself no reason to be unhealthy: it is warned of', () => {
    const [older, newest] = [dumpAt(hoursAgo(30)), suspectAt(hoursAgo(6))];
    const { name } = newest.manifest;
    expect(judge([older, newest])).toMatchObject({
      isHealthy: true,
      reasons: [],
      warnings: [
        `its newest dump, ${name}, is suspect and does not count: it has 99 B of SQL, 2 % of what the last good ones had; see pgstow accept`,
      ],
      newest,
      newestConfirmed: older,
    });
  });

  it('leaves the backups to go stale', () => {
    const dumps = [dumpAt(hoursAgo(60)), suspectAt(hoursAgo(30)), suspectAt(hoursAgo(6))];
    expect(judge(dumps).reasons).toEqual([
      'its newest backup at s3 is 2d 12h old, and one every 1d is wanted; 2 newer ones are suspect',
    ]);
    expect(judge(dumps.slice(1)).reasons).toEqual(['all its dumps are suspect']);
    expect(judge([dumpAt(hoursAgo(6), { confirmed: false }), suspectAt(hoursAgo(5))]).reasons).toEqual([
      'no dump of it has reached s3, where its only one should be',
    ]);
  });

  it('that is accepted is a backup as any other', () => {
    const accepted = { ...suspectAt(hoursAgo(6)), acceptance: { acceptedAt: hoursAgo(1) } as KnownDump['acceptance'] };
    expect(judge([dumpAt(hoursAgo(60)), accepted])).toMatchObject({
      isHealthy: true,
      warnings: [],
      newestConfirmed: accepted,
    });
  });

  it('is of no more weight once a newer one is not', () => {
    const newest = dumpAt(hoursAgo(1));
    expect(judge([suspectAt(hoursAgo(6)), newest])).toMatchObject({ warnings: [], newestConfirmed: newest });
    expect(judge([suspectAt(hoursAgo(6)), dumpAt(hoursAgo(-0.5))]).warnings).toHaveLength(1);
  });

  it('waits too long for its upload as any other does', () => {
    const dumps = [dumpAt(hoursAgo(40)), suspectAt(hoursAgo(26), { confirmed: false }), dumpAt(hoursAgo(1))];
    expect(judge(dumps).reasons).toEqual([expect.stringMatching(/^a dump has waited too long/)]);
  });
});

describe('a dump', () => {
  it('from the future is a fault, and one of a clock that is a little ahead is none', () => {
    expect(judge([dumpAt(hoursAgo(-0.9))]).isHealthy).toBe(true);
    expect(judge([dumpAt(hoursAgo(-1.1))]).reasons).toEqual([expect.stringContaining('lies in the future')]);
    const ahead = dumpAt(hoursAgo(-500), { tests: [{ result: 'good', testedAt: hoursAgo(600) }] });
    const bad = dumpAt(hoursAgo(60), { tests: [{ result: 'bad', testedAt: hoursAgo(59) }] });
    const judged = judge([bad, ahead]);
    expect(judged.reasons).toHaveLength(3);
    expect(judged).toMatchObject({
      newest: bad,
      newestConfirmed: bad,
      newestRestoreTest: { result: 'bad' },
      staleReason: expect.stringContaining('2d 12h old'),
    });
  });

  it('may wait for its upload until the next one is due, and for an hour in any case', () => {
    const waiting = (hours: number, schedule: Schedule) =>
      judge([dumpAt(hoursAgo(hours + 1), { confirmed: false, recordedAt: hoursAgo(hours) }), dumpAt(hoursAgo(0))], {
        schedule,
      }).reasons;
    expect(waiting(23, daily)).toEqual([]);
    expect(waiting(25, daily)).toEqual([
      expect.stringMatching(/^a dump has waited too long to be uploaded to s3; backup_shop_.* since 1d 1h$/),
    ]);
    expect(waiting(0.9, everySecond)).toEqual([]);
    expect(waiting(1.1, everySecond)).toHaveLength(1);
    expect(waiting(9.9, nightly)).toEqual([]);
    expect(waiting(10.1, nightly)).toHaveLength(1);
  });
});

describe('a restore test', () => {
  const [yesterday, today] = [hoursAgo(24), hoursAgo(2)];
  const good = { result: 'good', testedAt: yesterday } as const;
  const bad = { result: 'bad', testedAt: yesterday } as const;

  it('that is bad is a fault, until one of a newer dump is good', () => {
    const reasons = [
      expect.stringMatching(/^its newest restore test, of .* at s3, is bad: public\.a has 1 row, not 2$/),
    ];
    expect(judge([dumpAt(hoursAgo(30), { tests: [bad] }), dumpAt(hoursAgo(3))]).reasons).toEqual(reasons);
    expect(judge([dumpAt(hoursAgo(30), { tests: [good] }), dumpAt(hoursAgo(3), { tests: [bad] })]).reasons).toEqual(
      reasons,
    );
    const healed = [
      dumpAt(hoursAgo(30), { tests: [{ ...bad, testedAt: today }] }),
      dumpAt(hoursAgo(3), { tests: [good] }),
    ];
    expect(judge(healed)).toMatchObject({ isHealthy: true, newestRestoreTest: { result: 'good' } });
    const elsewhere = [bad, { ...good, testedAt: today, destination: 'local' }];
    expect(judge([dumpAt(hoursAgo(3), { tests: elsewhere })]).reasons).toEqual(reasons);
  });

  it('is needed where they are on, and where they are off is not', () => {
    const tested = dumpAt(hoursAgo(80), { tests: [{ ...good, testedAt: hoursAgo(79) }] });
    const dumps = [tested, dumpAt(hoursAgo(3))];
    expect(judge(dumps)).toMatchObject({ isHealthy: true, lastVerdict: { result: 'good', testedAt: hoursAgo(79) } });
    expect(judge(dumps, { restoreTests: { kind: 'after-upload' } })).toMatchObject({
      isHealthy: false,
      staleReason: undefined,
      reasons: [
        'no restore test of it has come to a verdict for 3d 7h, and each backup should be tested after its upload',
      ],
    });
  });

  it('that could not tell says nothing', () => {
    const untold = { result: 'could-not-tell', testedAt: today } as const;
    expect(judge([dumpAt(hoursAgo(3), { tests: [untold] })]).isHealthy).toBe(true);
    const both = [bad, { ...untold, destination: 'local' }];
    expect(judge([dumpAt(hoursAgo(3), { tests: both })]).isHealthy).toBe(false);
  });
});
