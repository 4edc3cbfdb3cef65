import type { BackupConfig } from '@pgstow/shared/config/subjects/backup.ts';
import type { VerifyConfig } from '@pgstow/shared/config/subjects/verify.ts';
import type { Keep, Period } from '@pgstow/shared/config/values/keep-variables.ts';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { nameAll, type Destination } from '@pgstow/shared/contract/destination.ts';
import type { FreezeCause } from '@pgstow/shared/contract/published-catalog.ts';
import type { RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import { lackingOf } from './is-confirmed.ts';
import type { JudgedDump, JudgedRestoreTest } from './judged-dump.ts';
import { newestByNow } from './newest-dump.ts';
import { describePeriods, whyPeriodsKeep, type PeriodReason } from './period-policy.ts';
import { isSuspect, whySuspect } from './suspect-dump.ts';

export type RetentionPolicy = Keep & {
  readonly timeZone: string;
  /** Where a dump must be confirmed before it may go, each of them; empty where backups stay local. */
  readonly destinations: readonly Destination[];
  /** Whether restore tests are on. Then the newest dump found GOOD stays until a newer one is found GOOD. */
  readonly isTested: boolean;
};

export function retentionPolicyOf(
  { keepLast, keepPeriods, timeZone }: Pick<BackupConfig, 'keepLast' | 'keepPeriods' | 'timeZone'>,
  { schedule }: Pick<VerifyConfig, 'schedule'>,
  destinations: readonly Destination[],
): RetentionPolicy {
  return { keepLast, keepPeriods, timeZone, destinations, isTested: schedule.kind !== 'off' };
}

/** Why nothing of a database may be deleted. */
export type Freeze = { readonly by: FreezeCause; readonly reason: string };

/**
 * The rule that keeps a dump. `last` and the periods are what a person set. `flawed`: it does not count, and fewer that do are there
 * than are wanted. `good`: the newest that a restore test found GOOD. `foreign` and `needed` are rules of a destination alone.
 */
export type KeepRule =
  | 'pinned'
  | 'newest'
  | 'last'
  | Period
  | 'flawed'
  | 'frozen'
  | 'good'
  | 'unconfirmed'
  | 'foreign'
  | 'needed';

export type Verdict = {
  readonly name: BackupName;
  readonly reason: string;
} & ({ readonly action: 'keep'; readonly rule: KeepRule } | { readonly action: 'delete' });

type Kept = Pick<Extract<Verdict, { action: 'keep' }>, 'rule' | 'reason'>;

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Says of each dump of one database whether it may be deleted, and why. Bad dumps, suspect ones and those from the future do not
 * count among the newest to keep. What is never deleted:
 *
 * - a dump that is pinned;
 * - the newest dump, and the newest that counts;
 * - a dump whose upload to a configured destination is not confirmed;
 * - the newest dump that was found GOOD, while restore tests are on and can decrypt the dumps since;
 * - any dump while `whyFrozen` has a reason.
 *
 * @param dumps of one database, oldest first
 * @param damaged see `whyFrozen`
 * @returns one verdict for each, in the same order
 */
export function applyRetention(
  dumps: readonly JudgedDump[],
  policy: RetentionPolicy,
  now: Date,
  damaged?: string,
): readonly Verdict[] {
  const frozen = whyFrozen(dumps, now, damaged);
  const newestGood = policy.isTested ? newestGoodOf(dumps, now) : undefined;
  const judged = dumps.toReversed().map((dump) => ({ dump, flaw: whyNotCounted(dump, now) }));
  const byPeriod = whyPeriodsKeep(
    judged.filter(({ flaw }) => flaw === undefined).map(({ dump }) => dump.manifest.takenAt),
    policy.keepPeriods,
    policy.timeZone,
  );
  // Dumps that count so far, from the newest on.
  let counted = 0;
  return judged
    .map(({ dump, flaw }, index): Verdict => {
      const { name } = dump.manifest;
      if (flaw === undefined) counted += 1;
      const kept =
        whyPinned(dump) ??
        (flaw === undefined
          ? (whyCounted(counted, index, policy) ?? ofPeriod(byPeriod[counted - 1]))
          : whyFlawedIsKept(counted, flaw, policy)) ??
        (frozen && { rule: 'frozen', reason: frozen.reason }) ??
        (dump === newestGood
          ? { rule: 'good', reason: 'it is the newest that a restore test found GOOD' }
          : whyUnconfirmed(dump, policy));
      if (kept !== undefined) return { name, action: 'keep', ...kept };
      return { name, action: 'delete', reason: whyReleased(counted, flaw, policy) };
    })
    .toReversed();
}

/**
 * The restore test that found a dump bad. One destination is enough: any copy may be the one that is needed. A test that could
 * not tell makes a dump neither good nor bad.
 */
export function badTestOf<T extends Pick<RestoreTest, 'result'>>({
  restoreTests,
}: {
  readonly restoreTests: ReadonlyMap<string, T>;
}): T | undefined {
  return [...restoreTests.values()].find(({ result }) => result === 'bad');
}

/**
 * Why no dump of a database may be deleted; `undefined` if some may. A newest dump from more than a day ahead freezes it, because a
 * wrong clock makes good dumps look old.
 *
 * @param dumps of one database, oldest first
 * @param damaged a file of the database that leaves open what its dump is worth
 */
export function whyFrozen(dumps: readonly JudgedDump[], now: Date, damaged?: string): Freeze | undefined {
  const newest = dumps.at(-1);
  if (newest !== undefined && Date.parse(newest.manifest.takenAt) > now.getTime() + DAY_MS)
    return { by: 'clock', reason: `nothing is deleted while the newest, ${newest.manifest.name}, lies in the future` };
  const unread = dumps.flatMap(({ unreadable }) => unreadable ?? []).at(-1);
  if (unread !== undefined)
    return { by: 'unreadable', reason: `nothing is deleted while ${unread} cannot be read: it may tell of a bad dump` };
  if (damaged !== undefined)
    return { by: 'unreadable', reason: `nothing is deleted while ${damaged} is damaged or cannot be read` };
  const told = dumps.filter((dump) =>
    [...dump.restoreTests.values()].some(({ result }) => result !== 'could-not-tell'),
  );
  // A dump from the future may say that something is bad, but not that all is well again.
  const bad = [told.at(-1), newestByNow(told, now)].flatMap((dump) => (dump && badTestOf(dump)) ?? [])[0];
  if (bad !== undefined && !isRefutedSealed(bad, dumps))
    return {
      by: 'restore-test',
      reason: `nothing is deleted while the newest restore test with a result, of ${bad.name} from ${bad.destination}, is bad`,
    };
  const suspect = newestSuspect(dumps, now);
  if (suspect === undefined) return undefined;
  const { name } = suspect.manifest;
  return {
    by: 'shrink',
    reason: `nothing is deleted while the newest, ${name}, is suspect: ${whySuspect(suspect) ?? ''}`,
  };
}

/** Whether a test without an identity was bad, and one of a newer dump proved all that it can: no other will ever prove more. */
function isRefutedSealed(bad: JudgedRestoreTest, dumps: readonly JudgedDump[]): boolean {
  const newer = dumps.slice(dumps.findIndex(({ manifest }) => manifest.name === bad.name) + 1);
  return bad.isSealed === true && newer.some(isSealed);
}

/** Whether a test without an identity proved all that it can. */
function isSealed({ restoreTests }: JudgedDump): boolean {
  const tests = [...restoreTests.values()];
  return tests.some((test) => test.isSealed === true) && tests.every(({ result }) => result !== 'bad');
}

/**
 * The newest dump, if it is suspect. What the database's dumps are worth is open until it is accepted, or one of usual size is
 * taken.
 *
 * @param dumps of one database, oldest first
 */
export function newestSuspect<D extends JudgedDump>(dumps: readonly D[], now: Date): D | undefined {
  const newest = newestByNow(dumps, now);
  return newest !== undefined && isSuspect(newest) ? newest : undefined;
}

/** Why a restore could not count on a dump. One from the future must not stand in for those taken since. */
function whyNotCounted(dump: JudgedDump, now: Date): string | undefined {
  if (Date.parse(dump.manifest.takenAt) > now.getTime()) return 'it lies in the future';
  const bad = badTestOf(dump);
  if (bad !== undefined) return `its restore test from ${bad.destination} was bad`;
  return isSuspect(dump) ? 'it is suspect' : undefined;
}

/**
 * The newest dump that counts and was found GOOD. No untested dump takes its place. There is none once a newer one was sealed: without
 * an identity no test can find one GOOD, and the last from before encryption would stay for ever.
 */
function newestGoodOf(dumps: readonly JudgedDump[], now: Date): JudgedDump | undefined {
  const counted = dumps.filter((dump) => whyNotCounted(dump, now) === undefined);
  const good = counted.findLastIndex(({ restoreTests }) =>
    [...restoreTests.values()].some(({ result }) => result === 'good'),
  );
  return counted.slice(good + 1).some(isSealed) ? undefined : counted[good];
}

function whyPinned({ pin }: JudgedDump): Kept | undefined {
  if (pin === undefined) return undefined;
  return { rule: 'pinned', reason: pin.reason === undefined ? 'it is pinned' : `it is pinned: ${pin.reason}` };
}

function whyCounted(rank: number, newer: number, { keepLast }: RetentionPolicy): Kept | undefined {
  if (rank === 1) return { rule: 'newest', reason: newer === 0 ? 'it is the newest' : 'it is the newest that counts' };
  return rank <= keepLast ? { rule: 'last', reason: `it is number ${rank} of the ${keepLast} newest` } : undefined;
}

function ofPeriod(found: PeriodReason | undefined): Kept | undefined {
  return found && { rule: found.period, reason: found.reason };
}

function whyFlawedIsKept(newer: number, flaw: string, { keepLast }: RetentionPolicy): Kept | undefined {
  if (newer >= keepLast) return undefined;
  const reason = `${flaw}, and there are ${newer} newer ones that count, of ${keepLast} that are wanted`;
  return { rule: 'flawed', reason };
}

function whyUnconfirmed(dump: JudgedDump, { destinations }: RetentionPolicy): Kept | undefined {
  const lacking = lackingOf(dump, destinations);
  if (lacking.length === 0) return undefined;
  return { rule: 'unconfirmed', reason: `its upload to ${nameAll(lacking)} is not confirmed` };
}

function whyReleased(counted: number, flaw: string | undefined, { keepLast, keepPeriods }: RetentionPolicy): string {
  const periods = describePeriods(keepPeriods);
  const alsoKept = periods === '' ? '' : `, and the newest of ${periods}`;
  if (flaw === undefined) return `it is number ${counted}, and the ${keepLast} newest are kept${alsoKept}`;
  return `${flaw}, and the ${keepLast} newest that count are kept`;
}
