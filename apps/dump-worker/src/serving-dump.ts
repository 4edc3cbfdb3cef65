import type { KnownDump } from '@pgstow/catalog/folder/read-folder.ts';
import { newestUntil } from '@pgstow/catalog/policy/newest-dump.ts';
import { isSuspect } from '@pgstow/catalog/policy/suspect-dump.ts';
import { previousRun, type Schedule } from '@pgstow/shared/config/subjects/schedule.ts';
import type { Task } from '@pgstow/shared/runtime/jobs/task.ts';

/**
 * Finds a dump that makes a new one pointless. Any dump that began after it was wanted serves a scheduled job, and a job
 * that runs again because its end was lost. A dump that is not late serves a `first` or `catch-up` job. What a person asks for
 * is always dumped.
 *
 * @param dumps of the job's target, oldest first
 */
export function findServingDump(
  task: Pick<Task<'dump'>, 'reason' | 'isRepeated' | 'wantedSince'>,
  dumps: readonly KnownDump[],
  schedule: Schedule,
  now: Date,
): KnownDump | undefined {
  // A dump of another server does not count.
  const ours = dumps.filter((dump) => dump.manifest.suspect?.otherSource === undefined || !isSuspect(dump));
  // A dump from a clock that was ahead would serve every job until that time has come.
  const newest = newestUntil(ours, now);
  if (newest === undefined) return undefined;
  const takenAt = new Date(newest.manifest.takenAt);
  const mayBeServed = task.reason === 'scheduled' || task.isRepeated;
  if (mayBeServed && takenAt >= task.wantedSince) return newest;
  const isExtra = task.reason === 'first' || task.reason === 'catch-up';
  if (isExtra && takenAt >= previousRun(schedule, now)) return newest;
  return undefined;
}
