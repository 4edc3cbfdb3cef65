import type { Schedule } from '@pgstow/shared/config/subjects/schedule.ts';
import type { VerifyConfig } from '@pgstow/shared/config/subjects/verify.ts';
import type { Destination } from '@pgstow/shared/contract/destination.ts';
import { LOCAL } from '@pgstow/shared/contract/restore-test.ts';
import { describeDuration } from './describe-duration.ts';
import { isConfirmed } from './is-confirmed.ts';
import type { JudgedDump, JudgedRestoreTest } from './judged-dump.ts';
import { newestByNow } from './newest-dump.ts';
import { oldestAllowed } from './oldest-allowed.ts';

export type VerdictAgeOptions = {
  /** Dumps of one database, oldest first. */
  readonly dumps: readonly JudgedDump[];
  readonly schedule: Schedule;
  /** The destinations whose copies are tested; the folder, if there are none. */
  readonly destinations: readonly Destination[];
  readonly restoreTests: VerifyConfig['schedule'];
  /** When the wait for a verdict began, as Redis remembers it: the dumps of that time may be pruned. */
  readonly verdictWantedSince?: Date | undefined;
  readonly now: Date;
};

export type VerdictAge = {
  /** The restore test of the newest dump with a verdict, where dumps are tested. Of several places, that of the oldest one. */
  readonly lastVerdict: JudgedRestoreTest | undefined;
  /** Whether the newest dump is to be tested and has no verdict, at any place. */
  readonly isVerdictWanted: boolean;
  /** Why restore tests do not come to a verdict as they should, at any place; `undefined` if they do, or are off. */
  readonly untestedReason: string | undefined;
};

const HOUR_MS = 60 * 60 * 1000;
/** Time that a restore test may take: one that could not tell is tried again the day after. */
const DAY_MS = 24 * HOUR_MS;

/** The places whose copies are tested: each destination or, where there is none, the folder. */
export function testedPlaces(destinations: readonly Destination[]): readonly (Destination | undefined)[] {
  return destinations.length === 0 ? [undefined] : destinations;
}

/**
 * Judges whether restore tests of a database come to a verdict, good or bad, as often as they should, at each place. After each upload: within
 * two intervals of its dumps and a day. By a cron pattern: in one of its last two runs that ended a day ago or earlier. The first
 * test has as long. A test that could not tell is no verdict. Where no identity is there to decrypt a dump, a test that proves the rest
 * is what can be wanted.
 */
export function judgeVerdictAge(options: VerdictAgeOptions): VerdictAge {
  const places = testedPlaces(options.destinations);
  const ages = places.map((destination) => ({ destination, ...judgePlace(options, destination) }));
  const verdicts = ages.flatMap(({ lastVerdict }) => lastVerdict ?? []);
  const reasons = ages.flatMap(({ destination, untestedReason }) =>
    untestedReason === undefined
      ? []
      : places.length === 1
        ? untestedReason
        : `at ${destination?.name}: ${untestedReason}`,
  );
  return {
    lastVerdict: verdicts.toSorted((a, b) => (a.testedAt < b.testedAt ? -1 : 1))[0],
    isVerdictWanted: ages.some(({ isVerdictWanted }) => isVerdictWanted),
    untestedReason: reasons.length === 0 ? undefined : reasons.join('; '),
  };
}

/** @param destination the folder, where `undefined` */
function judgePlace(options: VerdictAgeOptions, destination: Destination | undefined): VerdictAge {
  const { dumps, schedule, restoreTests, now } = options;
  const { tested, newest, firstUntested, lastTried } = findTesting(dumps, destination, now);
  const lastTest = tested && conclusiveOn(tested, destination);
  const told = newestByNow(
    dumps.filter((dump) => verdictOn(dump, destination) !== undefined),
    now,
  );
  const lastVerdict = told && verdictOn(told, destination);
  const isVerdictWanted = restoreTests.kind !== 'off' && newest !== undefined && newest !== tested;
  const judged = (untestedReason?: string): VerdictAge => ({ lastVerdict, isVerdictWanted, untestedReason });
  // A cron pattern tests the newest again and again. After each upload a new dump is needed; its absence is another fault.
  if (!isVerdictWanted && (restoreTests.kind !== 'cron' || newest === undefined)) return judged();

  const oldest = oldestAllowed(restoreTests.kind === 'cron' ? restoreTests : schedule, now, DAY_MS);
  const wantedAt = earliest([firstUntested && testableAt(firstUntested, destination), options.verdictWantedSince], now);
  const hint = describeFailure(lastTried && testOf(lastTried, destination));
  if (tested === undefined || lastTest === undefined)
    return wantedAt === undefined || wantedAt >= oldest
      ? judged()
      : judged(`no restore test of it has ever come to a verdict, and one is wanted for ${age(wantedAt, now)}${hint}`);
  const verdictAt = latest([lastTest.testedAt, tested.manifest.recordedAt, tested.manifest.takenAt], now);
  if (verdictAt >= oldest) return judged();
  // After a pause of the dumps, the next dump's test has its time.
  if (restoreTests.kind !== 'cron' && (wantedAt === undefined || now.getTime() - wantedAt.getTime() < HOUR_MS))
    return judged();
  const wanted =
    restoreTests.kind === 'cron'
      ? `two should have since then (${restoreTests.pattern}, ${restoreTests.timeZone})`
      : `each backup should be tested after its ${destination === undefined ? 'dump' : 'upload'}`;
  return judged(`no restore test of it has come to a verdict for ${age(verdictAt, now)}, and ${wanted}${hint}`);
}

/**
 * Finds the dumps that the age of the last verdict is judged by: the newest with all that its test can tell, the newest that could have one, the
 * first since then without one, and the last that was tried at all.
 */
export function findTesting<D extends JudgedDump>(
  dumps: readonly D[],
  destination: Destination | undefined,
  now: Date,
): { readonly [F in 'tested' | 'newest' | 'firstUntested' | 'lastTried']: D | undefined } {
  const isTested = (dump: D): boolean => conclusiveOn(dump, destination) !== undefined;
  const isThere = (dump: D): boolean => destination === undefined || isConfirmed(dump, destination);
  const tested = newestByNow(dumps.filter(isTested), now);
  const since = tested === undefined ? dumps : dumps.slice(dumps.indexOf(tested) + 1);
  return {
    tested,
    newest: newestByNow(dumps.filter(isThere), now),
    firstUntested: since.find((dump) => isThere(dump) && !isTested(dump)),
    lastTried: dumps.findLast((dump) => testOf(dump, destination) !== undefined),
  };
}

function testOf(dump: JudgedDump, destination: Destination | undefined): JudgedRestoreTest | undefined {
  return dump.restoreTests.get(destination?.name ?? LOCAL);
}

function verdictOn(dump: JudgedDump, destination: Destination | undefined): JudgedRestoreTest | undefined {
  const test = testOf(dump, destination);
  return test?.result === 'could-not-tell' ? undefined : test;
}

/** A verdict or, of a dump that nothing there can decrypt, all that its test can tell. */
function conclusiveOn(dump: JudgedDump, destination: Destination | undefined): JudgedRestoreTest | undefined {
  const test = testOf(dump, destination);
  return test?.isSealed === true ? test : verdictOn(dump, destination);
}

/** When a dump could first be tested. An adopted dump may be much older than its record. */
function testableAt({ manifest, receipts }: JudgedDump, destination: Destination | undefined): Date {
  const confirmedAt = destination === undefined ? undefined : receipts.get(destination.name)?.confirmedAt;
  return new Date(confirmedAt ?? manifest.recordedAt);
}

function describeFailure(last: JudgedRestoreTest | undefined): string {
  if (last?.result !== 'could-not-tell') return '';
  return `; the last one could not tell: ${last.reason ?? 'no reason is known'}`;
}

/** The earliest time that has passed: a wrong clock must not make a wait begin later than it did. */
function earliest(times: readonly (Date | undefined)[], now: Date): Date | undefined {
  const past = times.flatMap((time) => (time === undefined || time > now ? [] : [time.getTime()]));
  return past.length === 0 ? undefined : new Date(Math.min(...past));
}

/** The first of the times that has passed, else now: a wrong clock must not make a verdict younger than it is. */
function latest(times: readonly string[], now: Date): Date {
  const past = times.find((time) => Date.parse(time) <= now.getTime() + HOUR_MS);
  return past === undefined ? now : new Date(past);
}

function age(time: Date, now: Date): string {
  return describeDuration(now.getTime() - time.getTime());
}
