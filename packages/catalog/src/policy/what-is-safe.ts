import { nameAll, type Destination } from '@pgstow/shared/contract/destination.ts';
import { describeDuration } from './describe-duration.ts';
import { isConfirmed, isConfirmedEverywhere } from './is-confirmed.ts';
import type { JudgedDump } from './judged-dump.ts';
import { newestByNow } from './newest-dump.ts';
import { badTestOf } from './retention-policy.ts';
import { isSuspect } from './suspect-dump.ts';

/**
 * Says in a sentence which backups of a database there are, for people who read that a dump or an upload failed.
 *
 * @param dumps of one database, oldest first; those that a restore test found bad, and suspect ones, do not count
 */
export function describeWhatIsSafe(
  dumps: readonly JudgedDump[],
  destinations: readonly Destination[],
  now: Date,
): string {
  const notBad = dumps.filter((dump) => badTestOf(dump) === undefined);
  const good = notBad.filter((dump) => !isSuspect(dump));
  const newest = newestByNow(good, now);
  const others = describeOthers(dumps.length - notBad.length, notBad.length - good.length);
  if (newest === undefined) return `no backup of it.${others.replaceAll(' more', '')}`;
  const count = good.length === 1 ? 'the only one' : `the newest of ${good.length}`;
  const show = ({ manifest }: JudgedDump): string => `${manifest.name}, ${age(manifest.takenAt, now)}`;
  if (destinations.length === 0) return `${show(newest)}, ${count}, in the backup folder.${others}`;
  if (isConfirmedEverywhere(newest, destinations))
    return `${show(newest)}, ${count}, in the backup folder and at ${nameAll(destinations)}.${others}`;
  const there = destinations.map((destination) => {
    const confirmed = newestByNow(
      good.filter((dump) => isConfirmed(dump, destination)),
      now,
    );
    return confirmed === undefined ? `nothing at ${destination.name}` : `at ${destination.name} ${show(confirmed)}`;
  });
  return `in the backup folder ${show(newest)}, ${count}; ${there.join('; ')}.${others}`;
}

function describeOthers(bad: number, suspect: number): string {
  const be = (count: number, one: string, many: string): string => `${count} more ${count === 1 ? one : many}`;
  return [
    bad === 0 ? '' : ` ${be(bad, 'was', 'were')} found BAD.`,
    suspect === 0 ? '' : ` ${be(suspect, 'is', 'are')} suspect.`,
  ].join('');
}

function age(takenAt: string, now: Date): string {
  const ms = now.getTime() - Date.parse(takenAt);
  return ms < 0 ? 'from the future' : `taken ${describeDuration(ms)} ago`;
}
