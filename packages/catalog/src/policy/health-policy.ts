import type { Schedule } from '@pgstow/shared/config/subjects/schedule.ts';
import type { Destination } from '@pgstow/shared/contract/destination.ts';
import { newestVerdict } from './decisive-restore-test.ts';
import { describeDuration } from './describe-duration.ts';
import { isConfirmed } from './is-confirmed.ts';
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
  /** The destination that must confirm a dump for it to count; `undefined` where backups stay local. */
  readonly destination: Destination | undefined;
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
  /** The newest that counts as a backup: not suspect and, with a destination, confirmed. */
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
  const { dumps, schedule, destination, now } = options;
  const isThere = (dump: D): boolean => destination === undefined || isConfirmed(dump, destination);
  const newest = newestByNow(dumps, now);
  const newestConfirmed = newestByNow(
    dumps.filter((dump) => isThere(dump) && !isSuspect(dump)),
    now,
  );
  const last = dumps.at(-1);
  const newestRestoreTest = newestVerdict(dumps, now);
  const verdictAge = judgeVerdictAge(options);
  const waiting = dumps.filter((dump) => !isThere(dump) && hasWaitedTooLong(dump, schedule, now));
  const staleReason = findStaleReason(dumps, newestConfirmed, { schedule, destination, now });
  const suspect = newestSuspect(dumps, now);
  const reasons = [
    staleReason,
    last !== undefined && Date.parse(last.manifest.takenAt) > now.getTime() + HOUR_MS
      ? `its newest dump, ${last.manifest.name}, lies in the future: a clock is wrong, or was`
      : undefined,
    waiting[0] === undefined
      ? undefined
      : `${waiting.length === 1 ? 'a dump has' : `${waiting.length} dumps have`} waited too long to be uploaded to ${destination?.name}; ${waiting[0].manifest.name} since ${age(waiting[0].manifest.recordedAt, now)}`,
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

function findStaleReason(
  dumps: readonly JudgedDump[],
  newestConfirmed: JudgedDump | undefined,
  { schedule, destination, now }: Pick<HealthOptions, 'schedule' | 'destination' | 'now'>,
): string | undefined {
  if (dumps.length === 0) return 'it has never been backed up';
  const good = dumps.filter((dump) => !isSuspect(dump));
  if (good.length === 0) return 'all its dumps are suspect';
  if (newestConfirmed === undefined)
    return `no dump of it has reached ${destination?.name}, where ${good.length === 1 ? 'its only one' : `all ${good.length}`} should be`;
  const { manifest } = newestConfirmed;
  if (Date.parse(manifest.takenAt) >= oldestAllowed(schedule, now, HOUR_MS).getTime()) return undefined;
  const what = destination === undefined ? 'dump' : `backup at ${destination.name}`;
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
