import { formatBackupName } from '@pgstow/shared/contract/backup-name.ts';
import { describe, expect, it } from 'vitest';
import type { JudgedDump } from './judged-dump.ts';
import { chooseCompared, findEmptiedTables, judgeSize, type DumpSize, type GoodDumpSize } from './size-policy.ts';
import { describeSuspicion, isSuspect, whySuspect } from './suspect-dump.ts';

const sized = (sqlBytes: number, rows?: number): DumpSize => ({
  sqlBytes,
  ...(rows === undefined ? {} : { tables: { 'public.a': rows, 'public.b': 0 } }),
});
const judge = (sqlBytes: number, good: readonly number[]) =>
  judgeSize(
    sized(sqlBytes),
    good.map((each) => sized(each)),
  );

describe('the size of a dump', () => {
  it('has nothing to be compared with the first time', () => {
    expect(judge(1, [])).toEqual({ verdict: 'plausible' });
  });

  it.each<[number, string, number?]>([
    [700, 'plausible'],
    [100_000, 'plausible'],
    [699, 'shrunk', 70],
    [300, 'shrunk', 30],
    [299, 'suspect', 30],
    [1, 'suspect', 0],
  ])('of %i bytes after a thousand is %s', (bytes, verdict, percent) => {
    const comparison = { percent, usualSqlBytes: 1000 };
    expect(judge(bytes, [1000])).toEqual({ verdict, ...(percent === undefined ? {} : { comparison }) });
  });

  it('is not judged by one odd dump among the last five', () => {
    expect(judge(900, [1000, 1000, 1, 1000, 1000])).toEqual({ verdict: 'plausible' });
    expect(judge(100, [1000, 1000, 1, 1000, 1000])).toMatchObject({ verdict: 'suspect' });
    expect(judge(900, [1000, 1000, 1_000_000, 1000, 1000])).toEqual({ verdict: 'plausible' });
  });

  it('is not judged by what lies further back than five', () => {
    expect(judge(10, [1000, 1000, 1000, 10, 10, 10, 10, 10])).toEqual({ verdict: 'plausible' });
  });

  it('leaves what it is given in its order', () => {
    const good = [3, 1, 2].map((each) => sized(each));
    judgeSize(sized(1), good);
    expect(good.map(({ sqlBytes }) => sqlBytes)).toEqual([3, 1, 2]);
  });

  it('is suspect without a row where the others had some, however much of it is left', () => {
    const good = [sized(1000, 40), sized(1000, 42), sized(1000)];
    expect(judgeSize(sized(900, 0), good)).toEqual({
      verdict: 'suspect',
      comparison: { percent: 90, usualSqlBytes: 1000, usualRows: 42 },
    });
    for (const plausible of [sized(900, 1), sized(900)])
      expect(judgeSize(plausible, good)).toEqual({ verdict: 'plausible' });
    // As of a schema that is not in use yet, or of a table that is emptied now and then.
    expect(judgeSize(sized(900, 0), [sized(1000, 0)])).toEqual({ verdict: 'plausible' });
    expect(judgeSize(sized(900, 0), [sized(1000, 3), sized(1000, 0), sized(1000, 0)])).toEqual({
      verdict: 'plausible',
    });
  });
});

describe('the rows of a dump', () => {
  const shop = (tables: Readonly<Record<string, number>>, more: Partial<GoodDumpSize> = {}): GoodDumpSize => ({
    sqlBytes: 1000,
    tables: { 'public.schema_migrations': 60, ...tables },
    ...more,
  });
  const full = shop({ 'public.customers': 4000, 'public.orders': 6000 });
  const emptied = shop({ 'public.customers': 0, 'public.orders': 0 });
  const verdictOf = (dump: DumpSize, good: readonly GoodDumpSize[]) => judgeSize(dump, good).verdict;

  it('make it suspect where most are gone, though nearly all of its SQL is schema', () => {
    const judgement = judgeSize({ ...emptied, sqlBytes: 470 }, [full, full]);
    expect(judgement).toEqual({
      verdict: 'suspect',
      comparison: {
        percent: 47,
        usualSqlBytes: 1000,
        usualRows: 10_060,
        rows: 60,
        lostTables: { 'public.customers': 4000, 'public.orders': 6000 },
      },
    });
    expect(judgement.verdict === 'suspect' && describeSuspicion(judgement.comparison, { sqlBytes: 470 })).toBe(
      'it has 470 B of SQL, 47 % of what the last good ones had, and 60 rows where they had 10,060; without a row now: public.customers (4,000), public.orders (6,000)',
    );
  });

  it.each([
    [2999, 'suspect'],
    [3000, 'shrunk'],
    [6999, 'shrunk'],
    [7000, 'plausible'],
  ])('are judged by their sum: %i of ten thousand are %s', (rows, verdict) => {
    const of = (count: number): GoodDumpSize => ({ sqlBytes: 1000, tables: { 'public.a': count } });
    expect(verdictOf(of(rows), [of(10_000)])).toBe(verdict);
  });

  it('make it suspect where one table alone has lost all of them, or is gone', () => {
    const [big, small] = [{ 'public.big': 1_000_000 }, { 'public.small': 200 }];
    const good = [shop({ ...big, ...small })];
    for (const lost of [shop({ ...big, 'public.small': 0 }), shop(big)])
      expect(judgeSize(lost, good)).toMatchObject({
        verdict: 'suspect',
        comparison: { lostTables: { 'public.small': 200 } },
      });
    expect(verdictOf(shop(big), [shop({ ...big, 'public.small': 199 })])).toBe('plausible');
    expect(verdictOf({ sqlBytes: 1000 }, good)).toBe('plausible');
  });

  it('may be none in a table that had none before, or whose emptiness was accepted once', () => {
    const big = { 'public.big': 9000 };
    const [queueFull, queueEmpty] = [shop({ ...big, 'public.queue': 500 }), shop({ ...big, 'public.queue': 0 })];
    expect(verdictOf(queueEmpty, [queueFull, queueEmpty, queueFull])).toBe('plausible');
    expect(verdictOf(queueEmpty, [queueFull, queueFull])).toBe('suspect');

    const accepted = { ...queueEmpty, suspect: { percent: 90, usualSqlBytes: 1, lostTables: { 'public.queue': 500 } } };
    expect(findEmptiedTables(queueFull, [accepted])).toEqual(['public.queue']);
    // Long after the accepted one was pruned.
    const later = Array.from({ length: 5 }, () => ({ ...queueFull, emptiedTables: ['public.queue'] }));
    expect(verdictOf(queueEmpty, later)).toBe('plausible');
    expect(findEmptiedTables(queueEmpty, later)).toEqual(['public.queue']);
    expect(findEmptiedTables(shop(big), later)).toEqual([]);
    expect(verdictOf(shop({ 'public.big': 0, 'public.queue': 500 }), later)).toBe('suspect');
  });

  it('may go with the oldest of the partitions by time as a new one comes', () => {
    const month = (number: string) => ({ [`public.log_2026_${number}`]: 1000 });
    const base = { 'public.users': 5000 };
    const good = [shop({ ...base, ...month('01'), ...month('02') })];
    expect(verdictOf(shop({ ...base, ...month('02'), ...month('03') }), good)).toBe('plausible');
    expect(verdictOf(shop({ ...base, ...month('02') }), good)).toBe('suspect');
  });

  it('are not taken for usual by a run of small ones in between', () => {
    for (const good of [
      [full, emptied, emptied, emptied, full],
      [emptied, emptied, emptied, full, full],
      [full, full, emptied, full, emptied],
    ])
      expect(verdictOf(emptied, good)).toBe('suspect');
    const grown = (rows: number) => shop({ 'public.orders': rows });
    expect(verdictOf(grown(1000), [grown(1000), grown(1000), grown(1000), grown(1_000_000)])).toBe('plausible');
  });
});

type Facts = { readonly suspect?: true; readonly accepted?: true; readonly bad?: true; readonly sqlBytes?: number };
function dumpOn(day: number, { suspect, accepted, bad, sqlBytes = 1000 }: Facts = {}): JudgedDump {
  const takenAt = new Date(Date.UTC(2026, 0, day));
  const name = formatBackupName('shop', takenAt);
  const test = { name, destination: 's3', result: 'bad' as const, differences: [], testedAt: takenAt.toISOString() };
  return {
    manifest: {
      name,
      bytes: 9,
      sha256: 'a'.repeat(64),
      sqlBytes,
      takenAt: takenAt.toISOString(),
      recordedAt: takenAt.toISOString(),
      ...(suspect === undefined ? {} : { suspect: { percent: 1, usualSqlBytes: 1000 } }),
    },
    receipts: new Map(),
    restoreTests: new Map(bad === undefined ? [] : [['s3', test]]),
    ...(accepted === undefined ? {} : { acceptance: { acceptedAt: '2026-02-01T00:00:00.000Z' } }),
  };
}
const daysOf = (dumps: readonly JudgedDump[], on = 31): readonly number[] =>
  chooseCompared(dumps, new Date(Date.UTC(2026, 0, on))).map(({ manifest }) => new Date(manifest.takenAt).getUTCDate());

describe('the dumps that one is compared with', () => {
  it('are those before it that are neither suspect nor BAD', () => {
    const dumps = [dumpOn(1), dumpOn(2, { suspect: true }), dumpOn(3, { bad: true }), dumpOn(4), dumpOn(5)];
    expect(daysOf(dumps)).toEqual([1, 4, 5]);
    expect(daysOf(dumps, 5)).toEqual([1, 4]);
    expect(daysOf([])).toEqual([]);
  });

  it('begin with the last that a person has accepted', () => {
    const accepted = { suspect: true, accepted: true } as const;
    const dumps = [
      dumpOn(1),
      dumpOn(2, accepted),
      dumpOn(3),
      dumpOn(4, accepted),
      dumpOn(5),
      dumpOn(6, { suspect: true }),
    ];
    expect(daysOf(dumps)).toEqual([4, 5]);
    expect(daysOf(dumps, 4)).toEqual([2, 3]);
  });

  it('have a second small one suspect until one of them is accepted, and a third one plausible then', () => {
    const before = [1, 2, 3].map((day) => dumpOn(day));
    const small = { suspect: true, sqlBytes: 10 } as const;
    const verdictOf = (dumps: readonly JudgedDump[], day: number) =>
      judgeSize(
        sized(10),
        chooseCompared(dumps, new Date(Date.UTC(2026, 0, day))).map(({ manifest }) => manifest),
      ).verdict;
    expect(verdictOf(before, 4)).toBe('suspect');
    expect(verdictOf([...before, dumpOn(4, small)], 5)).toBe('suspect');
    const accepted = [...before, dumpOn(4, small), dumpOn(5, { ...small, accepted: true })];
    expect(verdictOf(accepted, 6)).toBe('plausible');
    expect(accepted.map(isSuspect)).toEqual([false, false, false, true, false]);
    const why = 'it has 10 B of SQL, 1 % of what the last good ones had';
    expect(accepted.map(whySuspect)).toEqual([undefined, undefined, undefined, why, undefined]);
  });
});
