import { newerVersionOf } from '../../contract/jobs.ts';
import { BusyError, PermanentError } from '../errors.ts';

/** Time for a newer worker to be started, and to take the job. */
const ASK_AGAIN_MS = 30_000;
const LONGEST_WAIT_MS = 24 * 3600 * 1000;

/**
 * Leaves a job whose data is of a newer version to a worker of that version: while workers are replaced one by one, an old
 * one must not fail the jobs of a new one. Data of no version at all passes here.
 *
 * @throws BusyError; PermanentError if no such worker took it within a day
 */
export function assertReadable(data: unknown, wantedSince: Date, now: Date): void {
  const version = newerVersionOf(data);
  if (version === undefined) return;
  if (now.getTime() - wantedSince.getTime() < LONGEST_WAIT_MS)
    throw new BusyError(`the job's data is of version ${version}: it waits for a newer worker`, ASK_AGAIN_MS);
  throw new PermanentError(`the job's data is of version ${version}, and no worker that reads it has come for a day`, {
    hint: 'Run all workers and the scheduler in the same, newest version of pgstow; then retry the job.',
  });
}
