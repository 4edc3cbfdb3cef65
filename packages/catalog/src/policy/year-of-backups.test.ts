import type { Keep } from '@pgstow/shared/config/values/keep-variables.ts';
import { formatBackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { RestoreTestResult } from '@pgstow/shared/contract/restore-test.ts';
import { expect, it } from 'vitest';
import { applyDestinationRetention, type HeldDump } from './destination-policy.ts';
import { applyRetention } from './retention-policy.ts';

// A year of backups, pruned after each, in the folder and at a destination with numbers of its own. Each verdict is compared with
// that of a second implementation below, which is written from docs/operations.md and ARCHITECTURE.md and shares no code.

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'Pacific/Auckland', 'Asia/Kathmandu', 'Australia/Lord_Howe'];
const EVERY_HOURS = [8, 12, 24, 25, 36, 168];
const S3 = { name: 's3', bucket: 'b', prefix: '' } as const;

type Facts = {
  /** Time by the clock of that moment. */
  readonly takenAtMs: number;
  /** By the true time. */
  readonly trueMs: number;
  test: RestoreTestResult | undefined;
  isSuspect: boolean;
  isPinned: boolean;
  isConfirmed: boolean;
  isUnreadable: boolean;
};

type Wanted = Keep & { readonly timeZone: string; readonly isTested: boolean };

it.each(
  EVERY_HOURS.flatMap((hours, index) =>
    (hours < 24 ? [1] : [1, 2]).map((round) => [hours, index * 10 + round] as const),
  ),
)(
  'a year of dumps every %d hours, from seed %d',
  (hours, seed) => {
    const random = randomFrom(seed);
    const timeZone = ZONES[Math.floor(random() * ZONES.length)] ?? 'UTC';
    const isTested = random() < 0.6;
    const wanted: Wanted = { ...randomKeep(random), timeZone, isTested };
    const wantedThere: Wanted = { ...randomKeep(random), timeZone, isTested };
    let folder: Facts[] = [];
    let there: Facts[] = [];
    let offsetMs = 0;
    let deleted = 0;
    const start = Date.UTC(2026, 0, 1) + random() * DAY_MS;
    for (let trueMs = start; trueMs < start + 365 * DAY_MS; trueMs += hours * HOUR_MS * (0.9 + random() * 0.2)) {
      // A clock that jumps over a boundary of hours, days or months, and is set right some dumps later.
      if (offsetMs !== 0 && random() < 0.4) offsetMs = 0;
      else if (random() < 0.02) offsetMs = (random() - 0.4) * (random() < 0.5 ? 2 * DAY_MS : 40 * DAY_MS);
      const nowMs = Math.floor((trueMs + offsetMs) / 1000) * 1000;
      const dump: Facts = {
        takenAtMs: freeSecond(nowMs, [...folder, ...there]),
        trueMs,
        test: undefined,
        isSuspect: random() < 0.02,
        isPinned: false,
        isConfirmed: true,
        isUnreadable: false,
      };
      folder = byTime([...folder, dump]);
      meddle(random, folder, isTested, dump);
      for (const each of folder) if (each.isConfirmed && !there.includes(each)) there = byTime([...there, each]);

      const now = new Date(Math.max(nowMs, dump.takenAtMs) + 60_000);
      const kept = keptByHand(folder, { ...wanted, needsConfirmation: true }, now.getTime(), folder);
      const verdicts = applyRetention(folder.map(describe), { ...wanted, destinations: [S3] }, now);
      expect(verdicts.map(({ action }) => action === 'keep')).toEqual(folder.map((each) => kept.has(each)));

      const known = folder.map(describe);
      const keptThere = keptByHand(
        there,
        { ...wantedThere, needsConfirmation: false },
        now.getTime(),
        union(folder, there),
      );
      const judged = applyDestinationRetention(there.map(describe), known, wantedThere, now);
      expect(judged.verdicts.map(({ action }) => action === 'keep')).toEqual(there.map((each) => keptThere.has(each)));

      // Whatever the numbers say: what was pinned stays, and the newest that a restore could count on.
      for (const [all, left] of [
        [folder, kept],
        [there, keptThere],
      ] as const) {
        expect(all.filter(({ isPinned }) => isPinned).every((each) => left.has(each))).toBe(true);
        const newest = all.findLast((each) => counts(each, now.getTime()));
        expect(newest === undefined || left.has(newest)).toBe(true);
        deleted += all.length - left.size;
      }
      folder = folder.filter((each) => kept.has(each));
      there = there.filter((each) => keptThere.has(each));
    }
    expect(folder.length).toBeGreaterThan(0);
    // A year in which nothing goes would prove nothing.
    expect(deleted).toBeGreaterThan(hours < 100 ? 20 : 0);
  },
  120_000,
);

/** What happens to dumps between two runs: restore tests, outages of the store, people, and damaged records. */
function meddle(random: () => number, folder: readonly Facts[], isTested: boolean, newest: Facts): void {
  if (random() < 0.05) newest.isConfirmed = false;
  for (const each of folder) {
    if (!each.isConfirmed && each !== newest && random() < 0.5) each.isConfirmed = true;
    if (random() < 0.002) each.isPinned = !each.isPinned;
    if (each.isSuspect && random() < 0.3) each.isSuspect = false;
    if (each.isUnreadable && random() < 0.5) each.isUnreadable = false;
    else if (random() < 0.0005) each.isUnreadable = true;
    // What was found bad is accepted, or the test is made again.
    if (each.test === 'bad' && random() < 0.3) each.test = 'good';
  }
  if (!isTested || random() < 0.2) return;
  const roll = random();
  newest.test = roll < 0.85 ? 'good' : roll < 0.9 ? 'bad' : 'could-not-tell';
}

function describe(facts: Facts): HeldDump {
  const takenAt = new Date(facts.takenAtMs).toISOString();
  const name = formatBackupName('shop', new Date(facts.takenAtMs));
  const of = { name, sha256: 'a'.repeat(64), bytes: 9 } as const;
  const receipt = { ...of, destination: 's3', bucket: 'b', key: name, confirmedAt: takenAt };
  const test = { name, destination: 's3', differences: [], testedAt: takenAt };
  return {
    manifest: {
      ...of,
      takenAt,
      recordedAt: takenAt,
      sqlBytes: 99,
      identity: { address: 'db:5432', databaseOid: 1, startedAt: '2026-01-01T00:00:00.000Z' },
      ...(facts.isSuspect ? { suspect: { percent: 1, usualSqlBytes: 9900 } } : {}),
    },
    receipts: new Map(facts.isConfirmed ? [['s3', receipt]] : []),
    restoreTests: new Map(facts.test === undefined ? [] : [['s3', { ...test, result: facts.test }]]),
    ...(facts.isPinned ? { pin: { pinnedAt: takenAt } } : {}),
    ...(facts.isUnreadable ? { unreadable: [`${name}.s3.restore-test.json`] } : {}),
    isRecorded: true,
  };
}

// --- The second implementation ---

/** @param all dumps that are known of the database, whose doubts freeze everything. Oldest first, as `dumps` */
function keptByHand(
  dumps: readonly Facts[],
  wanted: Wanted & { readonly needsConfirmation: boolean },
  nowMs: number,
  all: readonly Facts[],
): ReadonlySet<Facts> {
  if (isFrozenByHand(all, nowMs) || isFrozenByHand(dumps, nowMs)) return new Set(dumps);
  const kept = new Set<Facts>();
  const good = dumps.filter((each) => counts(each, nowMs)).reverse();
  for (const each of good.slice(0, Math.max(1, wanted.keepLast))) kept.add(each);
  const keyOf = {
    hourly: (text: string) => text.slice(0, 13),
    daily: (text: string) => text.slice(0, 10),
    weekly: mondayOf,
    monthly: (text: string) => text.slice(0, 7),
    yearly: (text: string) => text.slice(0, 4),
  };
  for (const [period, number] of Object.entries(wanted.keepPeriods)) {
    if (number === 0) continue;
    const newestOf = new Map<string, Facts>();
    for (const each of good) {
      const key = keyOf[period as keyof typeof keyOf](localText(each.takenAtMs, wanted.timeZone));
      if (!newestOf.has(key)) newestOf.set(key, each);
    }
    for (const each of [...newestOf.values()].slice(0, number)) kept.add(each);
    const oldest = good.at(-1);
    if (newestOf.size < number && oldest !== undefined) kept.add(oldest);
  }
  const newestGood = good.find(({ test }) => test === 'good');
  if (wanted.isTested && newestGood !== undefined) kept.add(newestGood);
  for (const [index, each] of dumps.entries()) {
    if (each.isPinned || (wanted.needsConfirmation && !each.isConfirmed)) kept.add(each);
    const newer = dumps.slice(index + 1).filter((other) => counts(other, nowMs)).length;
    if (!counts(each, nowMs) && newer < wanted.keepLast) kept.add(each);
  }
  return kept;
}

function isFrozenByHand(all: readonly Facts[], nowMs: number): boolean {
  const last = all[all.length - 1];
  if (last === undefined) return false;
  if (last.takenAtMs - nowMs > DAY_MS || all.some(({ isUnreadable }) => isUnreadable)) return true;
  const tested = all.filter(({ test }) => test === 'good' || test === 'bad');
  const past = (some: readonly Facts[]): Facts | undefined =>
    some.filter(({ takenAtMs }) => takenAtMs <= nowMs).pop() ?? some[some.length - 1];
  if (tested[tested.length - 1]?.test === 'bad' || past(tested)?.test === 'bad') return true;
  return past(all)?.isSuspect === true;
}

function counts({ takenAtMs, test, isSuspect }: Facts, nowMs: number): boolean {
  return takenAtMs <= nowMs && test !== 'bad' && !isSuspect;
}

/** As in `2026-06-15 23:30:00`. */
function localText(ms: number, timeZone: string): string {
  const key = `${ms} ${timeZone}`;
  const text = TEXTS.get(key) ?? new Date(ms).toLocaleString('sv-SE', { timeZone });
  TEXTS.set(key, text);
  return text;
}

/** A time is asked for again and again, and the answer takes a while. */
const TEXTS = new Map<string, string>();

function mondayOf(text: string): string {
  const day = new Date(`${text.slice(0, 10)}T12:00:00Z`);
  while (day.getUTCDay() !== 1) day.setUTCDate(day.getUTCDate() - 1);
  return day.toISOString().slice(0, 10);
}

// --- Chance, from a seed ---

/** The mulberry32 generator: numbers from 0 to below 1. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function randomKeep(random: () => number): Keep {
  const some = (most: number): number => (random() < 0.4 ? 0 : Math.floor(random() * most));
  return {
    keepLast: 1 + Math.floor(random() * 6),
    keepPeriods: { hourly: some(30), daily: some(15), weekly: some(8), monthly: some(6), yearly: some(3) },
  };
}

function freeSecond(ms: number, taken: readonly Facts[]): number {
  let free = ms;
  while (taken.some(({ takenAtMs }) => takenAtMs === free)) free += 1000;
  return free;
}

function byTime(dumps: readonly Facts[]): Facts[] {
  return dumps.toSorted((a, b) => a.takenAtMs - b.takenAtMs);
}

function union(a: readonly Facts[], b: readonly Facts[]): readonly Facts[] {
  return byTime([...new Set([...a, ...b])]);
}
