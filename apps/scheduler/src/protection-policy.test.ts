import type { PublishedCatalog, PublishedDump } from '@pgstow/shared/contract/published-catalog.ts';
import { formatBackupName } from '@pgstow/shared/contract/backup-name.ts';
import { expect, test } from 'vitest';
import { judgeSite } from './protection-policy.ts';
import type { QueueFacts, SiteFacts } from './read-site.ts';

const now = new Date('2026-03-10T12:00:00Z');
const ago = (minutes: number): Date => new Date(now.getTime() - minutes * 60_000);
const site = {
  targets: ['shop'],
  schedule: { kind: 'interval', everyMs: 86_400_000 },
  destination: { name: 's3', endpoint: undefined, bucket: 'mine', prefix: '' },
  restoreTests: { kind: 'after-upload' },
  startedAt: ago(10),
  schedulesFault: undefined,
} as const;
const queue = (name: QueueFacts['name'], changes: Partial<QueueFacts> = {}): QueueFacts => {
  return { name, isPaused: false, workers: 1, counts: {}, ...changes };
};
const catalogOf = (takenMinutesAgo: number | undefined, publishedMinutesAgo = 1): PublishedCatalog => {
  const takenAt = ago(takenMinutesAgo ?? 0);
  const name = formatBackupName('shop', takenAt);
  const dump: PublishedDump = {
    name,
    takenAt: takenAt.toISOString(),
    recordedAt: takenAt.toISOString(),
    origin: 'dumped',
    bytes: 9,
    sha256: 'a'.repeat(64),
    sqlBytes: 99,
    receipts: [],
    restoreTests: [],
  };
  return {
    version: 1,
    publishedAt: ago(publishedMinutesAgo).toISOString(),
    databases:
      takenMinutesAgo === undefined
        ? []
        : [{ database: 'shop', dumps: [dump], count: 1, bytes: 9, uploaded: [], notUploaded: { count: 1 } }],
    folder: { freeBytes: 1, totalBytes: 2, strays: 0, faults: [], faultCount: 0 },
  };
};
const facts = (changes: Partial<SiteFacts> = {}): SiteFacts => ({
  now,
  catalog: catalogOf(undefined),
  queues: [queue('dump'), queue('upload'), queue('verify')],
  nextRuns: new Map(),
  dumping: new Map(),
  ...changes,
});
const judged = (changes: Partial<SiteFacts>, siteChanges: Partial<Parameters<typeof judgeSite>[0]> = {}) => {
  const { databases, faults } = judgeSite({ ...site, ...siteChanges }, facts(changes));
  return { protection: databases[0]?.protection, reasons: databases[0]?.reasons, faults };
};

test('a first dump that is due or running, or a first upload that is under way, is waited for', () => {
  expect(judged({})).toMatchObject({ protection: 'no', reasons: ['it has never been backed up'] });
  const dumping = (isRunning: boolean) => new Map([['shop', { id: '1', isRunning }]]);
  expect(judged({ dumping: dumping(false) })).toMatchObject({
    protection: 'not-yet',
    reasons: ['its first dump is due'],
  });
  expect(judged({ dumping: dumping(true) }).reasons).toEqual(['its first dump is running']);
  expect(judged({ catalog: catalogOf(59) }).protection).toBe('not-yet');
  expect(judged({ catalog: catalogOf(61) })).toMatchObject({
    protection: 'no',
    reasons: ['no dump of it has reached s3, where its only one should be'],
  });
  expect(judged({ catalog: catalogOf(61) }, { destination: undefined }).protection).toBe('yes');
  // One that runs does not make up for those that are too old.
  expect(judged({ catalog: catalogOf(100 * 60), dumping: dumping(true) }, { destination: undefined }).protection).toBe(
    'no',
  );
});

test('workers that say nothing are waited for at the start, and not for ever', () => {
  expect(judged({ catalog: undefined }, { startedAt: ago(1) }).protection).toBe('not-yet');
  expect(judged({ catalog: undefined })).toMatchObject({
    protection: 'no',
    reasons: ['no worker has said what there is of it'],
  });
  expect(judged({ catalog: catalogOf(1, 31) }).faults).toEqual([
    'no worker has said for 31m what the backup folder holds',
  ]);
});

test('a worker of each kind that is needed must be there', () => {
  const none = [queue('dump', { workers: 0 }), queue('upload', { workers: 0 }), queue('verify', { workers: 0 })];
  const absent = (changes: Parameters<typeof judged>[1]) =>
    judged({ queues: none }, changes).faults.map((fault) => /no (\w+) worker/.exec(fault)?.[1]);
  expect(absent({})).toEqual(['dump', 'upload', 'verify']);
  expect(absent({ destination: undefined })).toEqual(['dump', 'verify']);
  expect(absent({ restoreTests: { kind: 'off' } })).toEqual(['dump', 'upload']);
  expect(absent({ startedAt: ago(1) })).toEqual([]);
});

test('a paused queue holds up backups, but not one of restore tests', () => {
  const paused = [
    queue('dump', { isPaused: true }),
    queue('upload', { isPaused: true }),
    queue('verify', { isPaused: true }),
  ];
  expect(judged({ queues: paused }).faults).toEqual([
    'the queue dump is paused; resume it on the board',
    'the queue upload is paused; resume it on the board',
  ]);
  expect(judged({}, { schedulesFault: 'the schedules could not be checked' }).faults).toHaveLength(1);
});
