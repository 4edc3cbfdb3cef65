import type { KnownDump } from '@pgstow/catalog/folder/read-folder.ts';
import { newestUntil } from '@pgstow/catalog/policy/newest-dump.ts';
import { isSuspect } from '@pgstow/catalog/policy/suspect-dump.ts';
import { previousRun, type Schedule } from '@pgstow/shared/config/schedule.ts';
import type { Task } from '@pgstow/shared/runtime/task.ts';

/**
 * A dump that makes a new one pointless. A job that is run again because its end was lost, and a scheduled one, are
 * served by any dump that began after they were wanted. A `first` or `catch-up` job is served by one that is not late.
 * What a person asks for is dumped, whatever else there is.
 *
 * @param dumps of the job's target, oldest first
 */
export function findServingDump(
  task: Pick<Task<'dump'>, 'reason' | 'isRepeated' | 'wantedSince'>,
  dumps: readonly KnownDump[],
  schedule: Schedule,
  now: Date,
): KnownDump | undefined {
  // Another server's dump is none of ours, whoever took it into this folder.
  const ours = dumps.filter((dump) => dump.manifest.suspect?.otherSource === undefined || !isSuspect(dump));
  // One from a clock that was ahead serves nothing: it would stand for every dump until that time has come.
  const newest = newestUntil(ours, now);
  if (newest === undefined) return undefined;
  const takenAt = new Date(newest.manifest.takenAt);
  const mayBeServed = task.reason === 'scheduled' || task.isRepeated;
  if (mayBeServed && takenAt >= task.wantedSince) return newest;
  const isExtra = task.reason === 'first' || task.reason === 'catch-up';
  if (isExtra && takenAt >= previousRun(schedule, now)) return newest;
  return undefined;
}
