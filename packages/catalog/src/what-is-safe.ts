import type { DestinationPlace } from '@pgstow/shared/contract/receipt.ts';
import { describeDuration } from './describe-duration.ts';
import { isConfirmed } from './is-confirmed.ts';
import type { JudgedDump } from './judged-dump.ts';
import { badTestOf } from './retention-policy.ts';

/**
 * What backups of a database there are, in a sentence: for whoever reads that one failed.
 *
 * @param dumps of one database, oldest first; those that a restore test found bad do not count
 */
export function describeWhatIsSafe(
  dumps: readonly JudgedDump[],
  destination: DestinationPlace | undefined,
  now: Date,
): string {
  const good = dumps.filter((dump) => badTestOf(dump) === undefined);
  const newest = good.at(-1);
  const badCount = dumps.length - good.length;
  const bad = badCount === 0 ? '' : ` ${badCount} more ${badCount === 1 ? 'was' : 'were'} found BAD.`;
  if (newest === undefined) return `no backup of it.${bad.replace(' more', '')}`;
  const count = good.length === 1 ? 'the only one' : `the newest of ${good.length}`;
  const show = ({ manifest }: JudgedDump): string => `${manifest.name}, ${age(manifest.takenAt, now)}`;
  if (destination === undefined) return `${show(newest)}, ${count}, in the backup folder.${bad}`;
  const confirmed = good.findLast((dump) => isConfirmed(dump, destination));
  if (confirmed === newest) return `${show(newest)}, ${count}, in the backup folder and at ${destination.name}.${bad}`;
  const there =
    confirmed === undefined ? `nothing at ${destination.name}` : `at ${destination.name} ${show(confirmed)}`;
  return `in the backup folder ${show(newest)}, ${count}; ${there}.${bad}`;
}

function age(takenAt: string, now: Date): string {
  const ms = now.getTime() - Date.parse(takenAt);
  return ms < 0 ? 'from the future' : `taken ${describeDuration(ms)} ago`;
}
