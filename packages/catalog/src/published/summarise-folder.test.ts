import { formatBackupName } from '@pgstow/shared/contract/backup-name.ts';
import { publishedCatalogSchema } from '@pgstow/shared/contract/published-catalog.ts';
import { expect, it } from 'vitest';
import type { KnownDump } from '../folder/read-folder.ts';
import { judgeHealth } from '../policy/health-policy.ts';
import type { JudgedDump } from '../policy/judged-dump.ts';
import { recallDump } from './published-dump.ts';
import { summariseFolder } from './summarise-folder.ts';

const HOUR_MS = 3_600_000;
const now = new Date('2026-03-10T12:00:00Z');
const s3 = { name: 's3', bucket: 'mine', prefix: '' };
const TESTS = [
  { kind: 'after-upload' },
  { kind: 'cron', pattern: '0 * * * *', timeZone: 'UTC' },
  { kind: 'off' },
] as const;
const results = ['good', 'bad', 'could-not-tell'] as const;

function dumpOf(
  hoursAgo: number,
  upload: 'here' | 'elsewhere' | 'other' | 'none',
  tested: number,
  shrunk: number,
  destination: { readonly name: string } | undefined,
): KnownDump {
  const takenAt = new Date(now.getTime() - hoursAgo * HOUR_MS).toISOString();
  const name = formatBackupName('shop', new Date(takenAt));
  const facts = { version: 1, name, bytes: 9, sha256: 'a'.repeat(64) } as const;
  const receipt = {
    ...facts,
    sha256: (upload === 'other' ? 'b' : 'a').repeat(64),
    destination: 's3',
    bucket: upload === 'elsewhere' ? 'old' : 'mine',
    key: name,
    confirmedBy: 'etag',
    confirmedAt: takenAt,
  } as const;
  const [result, at] = [results[tested], destination?.name ?? 'local'];
  return {
    manifest: {
      ...facts,
      database: 'shop',
      takenAt,
      origin: 'dumped',
      recordedAt: takenAt,
      sqlBytes: 99,
      ...(shrunk > 1 ? {} : { suspect: { percent: 3, usualSqlBytes: 3300 } }),
    },
    ...(shrunk === 0 ? { acceptance: { version: 1, name, sha256: facts.sha256, acceptedAt: takenAt } as const } : {}),
    receipts: new Map(upload === 'none' ? [] : [['s3', receipt]]),
    restoreTests: new Map(
      result === undefined
        ? []
        : [
            [
              at,
              {
                ...facts,
                destination: at,
                result,
                testedAt: takenAt,
                differences: result === 'bad' ? ['public.a has 1 row, not 2'] : [],
                differenceCount: 1,
                notes: [],
                durationMs: 1,
              },
            ],
          ],
    ),
  };
}

it('leaves health as it is, whatever it leaves out', () => {
  const of = (database: string): KnownDump => {
    const dump = dumpOf(1, 'none', 7, 9, undefined);
    return { ...dump, manifest: { ...dump.manifest, database } };
  };
  let state = 7;
  const random = (below: number) => (state = (Math.imul(state, 48_271) >>> 0) % 2_147_483_647) % below;
  for (let round = 0; round < 60; round += 1) {
    const [destination, schedule, restoreTests] = [
      random(3) === 0 ? undefined : s3,
      { kind: 'interval', everyMs: HOUR_MS } as const,
      TESTS[random(3)]!,
    ];
    const uploads = (['here', 'elsewhere', 'other', 'none'] as const).slice(random(3), 4);
    const count = random(130);
    const [most, rarely] = [[3, 100][random(2)]!, [30, 100_000][random(2)]!];
    const dumps = Array.from({ length: count }, (_, index) =>
      dumpOf(
        (count - index) * (1 + random(2)) + random(40),
        uploads[random(uploads.length)]!,
        random(rarely),
        index < 50 ? 9 : random(most),
        destination,
      ),
    ).sort((a, b) => Date.parse(a.manifest.takenAt) - Date.parse(b.manifest.takenAt));
    // The copy has few dumps of each of very many databases.
    const others = Array.from({ length: round % 4 === 0 ? 900 : 0 }, (_, index) => of(`z${index}`));
    const summary = summariseFolder({
      contents: {
        dumps: [...dumps, ...others],
        strays: [],
        damaged: new Map(),
        refused: new Map(),
        pins: new Map(),
        elsewhere: [],
        partials: [],
        faults: [],
      },
      disk: { freeBytes: 1, totalBytes: 2 },
      destinations: [destination ?? []].flat(),
      now,
    });
    const copy = publishedCatalogSchema.parse(JSON.parse(JSON.stringify(summary)));
    expect(copy).toEqual(summary);
    const recalled = (copy.databases.find(({ database }) => database === 'shop')?.dumps ?? []).map(recallDump);
    expect(recalled.length).toBeLessThanOrEqual(others.length === 0 ? 57 : 11);
    const [whole, short] = ([dumps, recalled] as readonly (readonly JudgedDump[])[]).map((each) =>
      judgeHealth({ dumps: each, schedule, destinations: [destination ?? []].flat(), restoreTests, now }),
    );
    const nameOf = (dump: { manifest: { name: string } } | undefined) => dump?.manifest.name;
    // How many wait is said of those that are published.
    const words = (reasons: readonly string[] = []) =>
      reasons.map((reason) => reason.replaceAll(/\b\d+ dumps|all \d+|\b\d+ newer/g, 'n'));
    expect(words(short?.reasons)).toEqual(words(whole?.reasons));
    expect(short?.warnings).toEqual(whole?.warnings);
    expect(nameOf(short?.newest)).toBe(nameOf(whole?.newest));
    expect(nameOf(short?.newestConfirmed)).toBe(nameOf(whole?.newestConfirmed));
    expect(short?.newestRestoreTest).toMatchObject({ ...pick(whole?.newestRestoreTest) });
  }
});

function pick(test: { name: string; result: string } | undefined) {
  return test === undefined ? {} : { name: test.name, result: test.result };
}
