import { formatBackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { PublishedCatalog, PublishedDump } from '@pgstow/shared/contract/published-catalog.ts';
import { expect, test } from 'vitest';
import { judgeServer } from './protection-policy.ts';
import type { QueueFacts, SiteFacts } from './read-site.ts';

const now = new Date('2026-03-10T12:00:00Z');
const ago = (minutes: number): Date => new Date(now.getTime() - minutes * 60_000);
const asked = { databases: ['shop'], patterns: [], exclude: { names: [], patterns: [] }, globals: 'off' } as const;
const site = {
  asked,
  schedule: { kind: 'interval', everyMs: 86_400_000 },
  destinations: [{ name: 's3', endpoint: undefined, bucket: 'mine', prefix: '' }],
  restoreTests: { kind: 'after-upload' },
  startedAt: ago(10),
  schedules: { fault: undefined },
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
  targets: ['shop'],
  catalog: catalogOf(undefined),
  queues: [queue('dump'), queue('upload'), queue('verify')],
  nextRuns: new Map(),
  dumping: new Map(),
  wantedSince: new Map(),
  ...changes,
});
const dumping = (isRunning: boolean, dueMinutesAgo = 1) =>
  new Map([['shop', { id: '1', isRunning, dueAt: ago(dueMinutesAgo) }]]);
const judged = (changes: Partial<SiteFacts>, siteChanges: Partial<Parameters<typeof judgeServer>[0]> = {}) => {
  const { databases, faults } = judgeServer({ ...site, ...siteChanges }, facts(changes));
  return {
    protection: databases[0]?.protection,
    reasons: databases[0]?.reasons,
    faults: faults.map(({ text }) => text),
  };
};

test('a first dump that is due or running, or a first upload that is under way, is waited for', () => {
  expect(judged({})).toMatchObject({ protection: 'no', reasons: ['it has never been backed up'] });
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
  expect(judged({ catalog: catalogOf(61) }, { destinations: [] }).protection).toBe('yes');
  // One that runs does not make up for those that are too old.
  expect(judged({ catalog: catalogOf(100 * 60), dumping: dumping(true) }, { destinations: [] }).protection).toBe('no');
});

test('a first dump is waited for as long as any backup may be late, and a day and an hour at most', () => {
  const HOURLY = { kind: 'interval', everyMs: 3_600_000 } as const;
  const NIGHTLY = { kind: 'cron', pattern: '0 3 * * *', timeZone: 'UTC' } as const;
  const WEEKLY = { kind: 'interval', everyMs: 7 * 86_400_000 } as const;
  for (const [schedule, minutes] of [
    [HOURLY, 3 * 60],
    [NIGHTLY, 25 * 60],
    [WEEKLY, 25 * 60],
  ] as const) {
    const due = (minutesAgo: number, isRunning = false) =>
      judged({ dumping: dumping(isRunning, minutesAgo) }, { schedule });
    expect(due(minutes - 1).protection).toBe('not-yet');
    expect(due(minutes)).toMatchObject({
      protection: 'no',
      reasons: [
        `it has never been backed up: its first dump has been due for ${minutes === 180 ? '3h' : '1d 1h'}, and no worker has taken it`,
      ],
    });
    // One that ends its worker is run again and again.
    expect(due(minutes, true).reasons).toEqual([expect.stringMatching(/runs still, or again$/)]);
  }
  expect(judged({ catalog: undefined, dumping: dumping(false, 30 * 24 * 60) })).toMatchObject({
    protection: 'no',
    reasons: [
      expect.stringMatching(/^no worker has published the backup folder: its first dump has been due for 30d,/),
    ],
  });
});

test('a first dump that nobody takes is waited for an hour', () => {
  const due = (queues: readonly QueueFacts[], minutes: number) => judged({ queues, dumping: dumping(false, minutes) });
  for (const [nobody, why] of [
    [queue('dump', { workers: 0 }), 'no dump worker is connected'],
    [queue('dump', { isPaused: true }), 'the queue dump is paused'],
  ] as const) {
    expect(due([nobody], 59).protection).toBe('not-yet');
    expect(due([nobody], 60)).toMatchObject({
      protection: 'no',
      reasons: [`it has never been backed up: its first dump has been due for 1h, and ${why}`],
    });
  }
});

test('a wait is not begun anew by a restart or another attempt, and no clock that was ahead makes it endless', () => {
  const wantedSince = new Map([['shop', { backup: ago(30 * 24 * 60) }]]);
  expect(judged({ wantedSince, dumping: dumping(true) }).protection).toBe('no');
  const future = new Map([['shop', { backup: ago(-600) }]]);
  const ahead = { wantedSince: future, dumping: dumping(false, -600) };
  expect(judged(ahead).protection).toBe('not-yet');
  expect(judged(ahead, { startedAt: ago(30 * 24 * 60) }).protection).toBe('no');
  // It was recorded by such a clock, and nobody uploads it.
  expect(judged({ catalog: catalogOf(-59) }).protection).toBe('not-yet');
  expect(judged({ catalog: catalogOf(-30 * 24 * 60) }).protection).toBe('no');
});

test('workers that say nothing are waited for at the start, and not for ever', () => {
  expect(judged({ catalog: undefined }, { startedAt: ago(1) }).protection).toBe('not-yet');
  expect(judged({ catalog: undefined })).toMatchObject({
    protection: 'no',
    reasons: ['no worker has published the backup folder'],
  });
  expect(judged({ catalog: catalogOf(1, 31) }).faults).toEqual(['no worker has published the backup folder for 31m']);
});

test('a worker of each kind that is needed must be there', () => {
  const none = [queue('dump', { workers: 0 }), queue('upload', { workers: 0 }), queue('verify', { workers: 0 })];
  const absent = (changes: Parameters<typeof judged>[1]) =>
    judged({ queues: none }, changes).faults.map((fault) => /no (\w+) worker/.exec(fault)?.[1]);
  expect(absent({})).toEqual(['dump', 'upload', 'verify']);
  expect(absent({ destinations: [] })).toEqual(['dump', 'verify']);
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
  expect(judged({}, { schedules: { fault: 'the schedules could not be checked' } }).faults).toHaveLength(1);
});

test('a database that is gone from the server is said to be gone, and is no database that must be protected', () => {
  const every = { ...asked, databases: [], patterns: ['*'] };
  const at = ago(60).toISOString();
  const seen = { firstSeenAt: at, lastSeenAt: at };
  const databases = [
    { database: 'shop', oid: 20, ...seen },
    { database: 'stock', oid: 21, ...seen, goneSince: at },
  ];
  const catalog = { ...catalogOf(30), found: { version: 1 as const, lookedAt: at, databases } };
  const status = judgeServer({ ...site, asked: every }, facts({ catalog }));
  expect(status.databases.map(({ database }) => database)).toEqual(['shop']);
  expect(status.gone.map(({ database }) => database)).toEqual(['stock']);
});
