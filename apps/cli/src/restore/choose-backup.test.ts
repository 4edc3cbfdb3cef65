import type { Backup } from '@pgstow/backups/list-backups.ts';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { describe, expect, it } from 'vitest';
import { chooseBackup, parseWanted, warnOfSuspect } from './choose-backup.ts';

const backup = (day: number, places: readonly string[] = ['local'], manifest: object = {}): Backup =>
  ({
    name: `backup_shop_2026110${day}_030000.sql.gz` as BackupName,
    database: 'shop',
    takenAt: new Date(`2026-11-0${day}T03:00:00Z`),
    places,
    manifest: { ...manifest, takenAt: `2026-11-0${day}T03:00:00Z` },
  }) as Backup;

const NOW = new Date('2026-11-08T12:00:00Z');

const choose = (at: string, backups: readonly Backup[], from?: string): number =>
  chooseBackup(backups, { wanted: parseWanted(at, 'shop'), from, now: NOW }).takenAt.getUTCDate();

describe('the backup that is meant', () => {
  const all = [backup(4, ['local']), backup(3), backup(2, ['local', 's3']), backup(1, ['s3'])];

  it.each([
    ['latest', 3],
    ['2026-11-02T03:00:00Z', 2],
    ['2026-11-02T02:59:59.999Z', 1],
    ['2026-11-02 03:00', 2],
    ['2026-11-02T04:00:00+01:00', 2],
    ['2026-11-03', 2],
    ['backup_shop_20261101_030000.sql.gz', 1],
    ['backup_shop_20261104_030000.sql.gz', 4],
  ])('by %s is that of day %i', (at, day) => {
    const known = all.map((each, i) => (i === 0 ? { ...each, manifest: undefined } : each));
    expect(choose(at, known)).toBe(day);
  });

  it('is none that a clock was ahead for, unless it is named or there is no other', () => {
    expect(choose('latest', [backup(9), ...all])).toBe(4);
    expect(choose('backup_shop_20261109_030000.sql.gz', [backup(9), ...all])).toBe(9);
    expect(choose('latest', [backup(9)])).toBe(9);
  });

  it('is one that lies where one looks', () => {
    expect(choose('latest', all, 's3')).toBe(2);
    expect(() => choose('backup_shop_20261103_030000.sql.gz', all, 's3')).toThrow('is known at s3');
  });

  it.each([
    ['2026-10-31', 1, 'no backup until 2026-10-31 00:00:00 UTC is known'],
    ['yesterday', 2, 'expected --at'],
    ['2026-02-31T25:00', 2, 'expected --at'],
    ['2026-13-01', 2, 'expected --at'],
    ['2026-02-30', 2, 'expected --at'],
    ['2026-11-31T03:00:00+01:00', 2, 'expected --at'],
    ['backup_other_20261101_030000.sql.gz', 2, 'is a backup of other'],
    ['backup_shop_20261105_030000.sql.gz', 1, 'is known'],
  ])('by %s is none: exit %i', (at, code, message) => {
    expect(() => choose(at, all)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }));
  });

  it('is none without a manifest, unless it is named', () => {
    const stray = { ...backup(1), manifest: undefined } as Backup;
    expect(() => choose('latest', [stray])).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('without a manifest; give its name') }),
    );
  });
});

describe('backups of two servers', () => {
  const [old, other] = ['1', '2'].map((systemIdentifier) => {
    return { systemIdentifier, databaseOid: 16_384, address: 'db:5432', startedAt: systemIdentifier };
  });
  const of = (day: number, identity: unknown, facts: object = {}, state = 'uploaded') =>
    ({ ...backup(day, ['s3'], { identity, ...facts }), state }) as Backup;
  const refused = expect.objectContaining({
    code: 3,
    message: 'there are backups of two servers under the name shop; nothing was touched',
    hint: expect.stringMatching(
      /--at backup_shop_20261103\S+ is of db:5432 \(system identifier 2.*20261102.*identifier 1/,
    ),
  });

  it('are not chosen between by a time', () => {
    const both = [of(3, other), of(2, old), of(1, other)];
    expect(() => choose('latest', both)).toThrow(refused);
    expect(() => choose('2026-11-04', both)).toThrow(refused);
    expect(choose('backup_shop_20261103_030000.sql.gz', both)).toBe(3);
  });

  it('are those of one where the newer took the place of the older, which a person said', () => {
    const moved = [of(3, other, { formerSources: [old] }), of(2, other, { formerSources: [old] }), of(1, old)];
    expect(choose('latest', moved)).toBe(3);
    expect(choose('2026-11-02', moved)).toBe(1);
  });

  it('are those of one while the other is suspect, and not if it is the newest', () => {
    const suspect = { suspect: { otherSource: old }, formerSources: [old] };
    expect(choose('latest', [of(3, old), of(2, other, suspect, 'suspect'), of(1, old)])).toBe(3);
    expect(() => choose('latest', [of(3, other, suspect, 'suspect'), of(2, old)])).toThrow(refused);
  });

  it('are chosen as before where an earlier version did not say whose they are', () => {
    expect(choose('latest', [of(3, other), of(2, undefined)])).toBe(3);
    expect(choose('latest', [of(3, undefined), of(2, other), of(1, old)])).toBe(3);
  });
});

it('a suspect backup is restored with a warning that names the newest before it that counts', () => {
  const suspect = { suspect: { percent: 3, usualSqlBytes: 3300 }, sqlBytes: 99 };
  const states = ['uploaded', 'suspect', 'suspect', 'bad', 'restored', 'uploaded'] as const;
  const all = states.map((state, index) => ({ ...backup(9 - index, ['local'], suspect), state }));
  const why = 'it is suspect: it has 99 B of SQL, 3 % of what the last good ones had';
  expect(warnOfSuspect(all[1]!, all)).toBe(
    `${why}; the newest before it that counts: --at backup_shop_20261105_030000.sql.gz`,
  );
  expect(warnOfSuspect(all[1]!, all.slice(0, 4))).toBe(why);
});
