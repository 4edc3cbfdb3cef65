import type { Schedule } from '@pgstow/shared/config/subjects/schedule.ts';
import { nameAll, type Destination } from '@pgstow/shared/contract/destination.ts';
import { newestVerdict } from './decisive-restore-test.ts';
import { describeDuration } from './describe-duration.ts';
import { isConfirmed, isConfirmedEverywhere, isSettled } from './is-confirmed.ts';
import type { JudgedDump, JudgedRestoreTest } from './judged-dump.ts';
import { newestByNow } from './newest-dump.ts';
import { oldestAllowed, runBefore } from './oldest-allowed.ts';
import { newestSuspect } from './retention-policy.ts';
import { isSuspect, whySuspect } from './suspect-dump.ts';
import { judgeVerdictAge, type VerdictAge, type VerdictAgeOptions } from './verdict-age-policy.ts';

export type HealthOptions<D extends JudgedDump = JudgedDump> = {
  /** Dumps of one database, oldest first. */
  readonly dumps: readonly D[];
  readonly schedule: Schedule;
  /** The destinations that must confirm a dump, each of them, for it to count; empty where backups stay local. */
  readonly destinations: readonly Destination[];
  readonly now: Date;
} & Pick<VerdictAgeOptions, 'restoreTests' | 'verdictWantedSince'>;

export type Health<D extends JudgedDump = JudgedDump> = VerdictAge & {
  readonly isHealthy: boolean;
  /** Why it is not, a sentence each. */
  readonly reasons: readonly string[];
  /** The reason that says that no backup is new enough; `undefined` if one is. */
  readonly staleReason: string | undefined;
  /** Things that a person should look after though it is healthy, a sentence each. */
  readonly warnings: readonly string[];
  readonly newest: D | undefined;
  /** The newest that counts as a backup: not suspect, and confirmed by every destination. */
  readonly newestConfirmed: D | undefined;
  /** The restore test of the newest dump that has a verdict. */
  readonly newestRestoreTest: JudgedRestoreTest | undefined;
};

const HOUR_MS = 60 * 60 * 1000;

/**
 * Judges whether a database is backed up as it should be. A run may take an hour until its backup is confirmed. A restore test
 * that could not tell says nothing either way.
 */
export function judgeHealth<D extends JudgedDump>(options: HealthOptions<D>): Health<D> {
  const { dumps, schedule, destinations, now } = options;
  const newest = newestByNow(dumps, now);
  const newestConfirmed = newestByNow(
    dumps.filter((dump) => isConfirmedEverywhere(dump, destinations) && !isSuspect(dump)),
    now,
  );
  const last = dumps.at(-1);
  const newestRestoreTest = newestVerdict(dumps, now);
  const verdictAge = judgeVerdictAge(options);
  const staleReason = findStaleReason(dumps, newestConfirmed, { schedule, destinations, now });
  const suspect = newestSuspect(dumps, now);
  const reasons = [
    staleReason,
    last !== undefined && Date.parse(last.manifest.takenAt) > now.getTime() + HOUR_MS
      ? `its newest dump, ${last.manifest.name}, lies in the future: a clock is wrong, or was`
      : undefined,
    ...destinations.map((destination) => findWaiting(dumps, destination, schedule, now)),
    newestRestoreTest?.result === 'bad'
      ? `its newest restore test, of ${newestRestoreTest.name} at ${newestRestoreTest.destination}, is bad: ${newestRestoreTest.reason ?? newestRestoreTest.differences[0] ?? 'it differs from its manifest'}`
      : undefined,
    verdictAge.untestedReason,
  ].filter((reason) => reason !== undefined);
  return {
    isHealthy: reasons.length === 0,
    reasons,
    staleReason,
    warnings: suspect === undefined ? [] : [warnOf(suspect)],
    newest,
    newestConfirmed,
    newestRestoreTest,
    ...verdictAge,
  };
}

function warnOf(suspect: JudgedDump): string {
  const { name } = suspect.manifest;
  return `its newest dump, ${name}, is suspect and does not count: ${whySuspect(suspect) ?? ''}; see pgstow accept`;
}

function findWaiting(
  dumps: readonly JudgedDump[],
  destination: Destination,
  schedule: Schedule,
  now: Date,
): string | undefined {
  const waiting = dumps.filter((dump) => !isSettled(dump, destination) && hasWaitedTooLong(dump, schedule, now));
  const [first] = waiting;
  if (first === undefined) return undefined;
  const have = waiting.length === 1 ? 'a dump has' : `${waiting.length} dumps have`;
  return `${have} waited too long to be uploaded to ${destination.name}; ${first.manifest.name} since ${age(first.manifest.recordedAt, now)}`;
}

function findStaleReason(
  dumps: readonly JudgedDump[],
  newestConfirmed: JudgedDump | undefined,
  { schedule, destinations, now }: Pick<HealthOptions, 'schedule' | 'destinations' | 'now'>,
): string | undefined {
  if (dumps.length === 0) return 'it has never been backed up';
  const good = dumps.filter((dump) => !isSuspect(dump));
  if (good.length === 0) return 'all its dumps are suspect';
  const newestAt = (destination: Destination): JudgedDump | undefined =>
    newestByNow(
      good.filter((dump) => isConfirmed(dump, destination)),
      now,
    );
  const never = destinations.filter((destination) => newestAt(destination) === undefined);
  if (never.length > 0)
    return `no dump of it has reached ${nameAll(never)}, where ${good.length === 1 ? 'its only one' : `all ${good.length}`} should be`;
  if (newestConfirmed === undefined)
    return `none of its dumps has reached all of ${nameAll(destinations)}, where ${good.length === 1 ? 'its only one' : `all ${good.length}`} should be`;
  const { manifest } = newestConfirmed;
  const oldest = oldestAllowed(schedule, now, HOUR_MS).getTime();
  if (Date.parse(manifest.takenAt) >= oldest) return undefined;
  // Where each has a new one of its own, it is of no use that they are not the same.
  const late = destinations.filter((each) => Date.parse(newestAt(each)?.manifest.takenAt ?? '') < oldest);
  const what = destinations.length === 0 ? 'dump' : `backup at ${nameAll(late.length === 0 ? destinations : late)}`;
  const wanted =
    schedule.kind === 'interval'
      ? `one every ${describeDuration(schedule.everyMs)} is wanted`
      : `it should have been dumped twice since then (${schedule.pattern}, ${schedule.timeZone})`;
  const suspect = dumps.slice(dumps.indexOf(newestConfirmed)).filter(isSuspect).length;
  const newer = suspect === 0 ? '' : `; ${suspect} newer ${suspect === 1 ? 'one is' : 'ones are'} suspect`;
  return `its newest ${what} is ${age(manifest.takenAt, now)} old, and ${wanted}${newer}`;
}

/** An upload may take until the next dump, and at least an hour. */
function hasWaitedTooLong({ manifest }: JudgedDump, schedule: Schedule, now: Date): boolean {
  const recordedMs = Date.parse(manifest.recordedAt);
  return recordedMs < Math.min(runBefore(schedule, now.getTime()).getTime(), now.getTime() - HOUR_MS);
}

function age(time: string, now: Date): string {
  return describeDuration(now.getTime() - Date.parse(time));
}
