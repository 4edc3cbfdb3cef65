import type { KnownDump } from '@pgstow/catalog/folder/read-folder.ts';
import type { Schedule } from '@pgstow/shared/config/subjects/schedule.ts';
import { formatBackupName } from '@pgstow/shared/contract/backup-name.ts';
import { expect, test } from 'vitest';
import { findServingDump } from './serving-dump.ts';

const NOW = new Date('2026-11-22T12:00:00Z');
const HOURLY: Schedule = { kind: 'interval', everyMs: 3_600_000 };
const at = (time: string): Date => new Date(`2026-11-22T${time}:00Z`);

function dumpOf(takenAt: Date): KnownDump {
  const name = formatBackupName('shop', takenAt);
  const recordedAt = takenAt.toISOString();
  return {
    manifest: {
      name,
      database: 'shop',
      takenAt: recordedAt,
      origin: 'dumped',
      recordedAt,
      bytes: 1,
      sha256: '0'.repeat(64),
      sqlBytes: 1,
    },
    receipts: new Map(),
    restoreTests: new Map(),
  };
}

test.each([
  { reason: 'scheduled', isRepeated: false, wanted: '11:00', taken: '11:30', serves: true },
  { reason: 'scheduled', isRepeated: false, wanted: '11:00', taken: '10:30', serves: false },
  { reason: 'ad-hoc', isRepeated: false, wanted: '11:00', taken: '11:30', serves: false },
  { reason: 'ad-hoc', isRepeated: true, wanted: '11:00', taken: '11:30', serves: true },
  { reason: 'ad-hoc', isRepeated: true, wanted: '11:00', taken: '10:30', serves: false },
  { reason: 'first', isRepeated: false, wanted: '11:59', taken: '11:30', serves: true },
  { reason: 'catch-up', isRepeated: false, wanted: '11:59', taken: '10:30', serves: false },
])('a $reason job (repeated: $isRepeated) of $wanted with a dump of $taken: $serves', (given) => {
  const task = { reason: given.reason, isRepeated: given.isRepeated, wantedSince: at(given.wanted) };
  expect(findServingDump(task, [dumpOf(at(given.taken))], HOURLY, NOW) !== undefined).toBe(given.serves);
});

test('a dump from a clock that was ahead serves no job', () => {
  const task = { reason: 'scheduled', isRepeated: true, wantedSince: at('11:00') };
  const ahead = dumpOf(new Date('2026-11-24T12:00:00Z'));
  expect(findServingDump(task, [ahead], HOURLY, NOW)).toBeUndefined();
  const good = dumpOf(at('11:30'));
  expect(findServingDump(task, [good, ahead], HOURLY, NOW)).toBe(good);
});

test("another server's dump serves no job, unless it was accepted", () => {
  const task = { reason: 'scheduled', isRepeated: true, wantedSince: at('11:00') };
  const dump = dumpOf(at('11:30'));
  const otherSource = { databaseOid: 5, address: 'db:5432', startedAt: '2026-11-22T00:00:00Z' };
  const theirs = { ...dump, manifest: { ...dump.manifest, suspect: { otherSource } } };
  expect(findServingDump(task, [theirs], HOURLY, NOW)).toBeUndefined();
  const { name, sha256 } = dump.manifest;
  const accepted = { ...theirs, acceptance: { version: 1, name, sha256, acceptedAt: NOW.toISOString() } as const };
  expect(findServingDump(task, [accepted], HOURLY, NOW)).toBe(accepted);
});
