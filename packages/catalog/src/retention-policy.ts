import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { DestinationPlace } from '@pgstow/shared/contract/receipt.ts';
import { isConfirmed } from './is-confirmed.ts';
import type { KnownDump } from './read-folder.ts';

export type RetentionPolicy = {
  /** Newest dumps to keep, at least 1. */
  readonly keepLast: number;
  /** Where a dump must be confirmed before it may go; `undefined` where backups stay local. */
  readonly destination: DestinationPlace | undefined;
};

export type Verdict = {
  readonly name: BackupName;
  readonly action: 'keep' | 'delete';
  readonly reason: string;
};

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Says of each dump of one database whether it may go, and why. It never lets go of the newest, of one whose upload is
 * not confirmed while a destination is configured, or of anything while the newest claims to be from the future: a clock
 * that was wrong must not make good dumps look old.
 *
 * @param dumps of one database, oldest first
 * @returns one verdict for each, in the same order
 */
export function applyRetention(dumps: readonly KnownDump[], policy: RetentionPolicy, now: Date): readonly Verdict[] {
  const newest = dumps.at(-1);
  const isFromFuture = newest !== undefined && Date.parse(newest.manifest.takenAt) > now.getTime() + DAY_MS;
  return dumps.map((dump, index): Verdict => {
    const rank = dumps.length - index;
    const { name } = dump.manifest;
    if (rank === 1) return { name, action: 'keep', reason: 'it is the newest' };
    if (rank <= policy.keepLast)
      return { name, action: 'keep', reason: `it is number ${rank} of the ${policy.keepLast} newest` };
    if (isFromFuture) {
      return {
        name,
        action: 'keep',
        reason: `nothing is deleted while the newest, ${newest.manifest.name}, lies in the future`,
      };
    }
    if (policy.destination !== undefined && !isConfirmed(dump, policy.destination)) {
      return { name, action: 'keep', reason: `its upload to ${policy.destination.name} is not confirmed` };
    }
    return { name, action: 'delete', reason: `it is number ${rank}, and the ${policy.keepLast} newest are kept` };
  });
}
