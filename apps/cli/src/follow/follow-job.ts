import { setTimeout as delay } from 'node:timers/promises';
import type { QueueName } from '@pgstow/shared/contract/jobs.ts';
import { describeFault } from '@pgstow/shared/runtime/errors.ts';
import { readJobFailure, type JobFailure } from '@pgstow/shared/runtime/jobs/job-failure.ts';
import type { OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';

/** Shows a percentage and a text of one line. */
export type Show = (percent: number, text: string) => void;

export type FollowOptions = {
  /** The job's name, with which each text begins. */
  readonly stage: string;
  readonly show: Show;
  readonly signal?: AbortSignal | undefined;
};

/** A job that failed for good, at a stage. */
export class JobFailedError extends Error {
  override readonly name = 'JobFailedError';
  readonly failure: JobFailure;

  constructor(stage: string, failure: JobFailure) {
    super(`${stage} failed: ${describeFault(failure)}`);
    this.failure = failure;
  }
}

const POLL_MS = 250;
/** Once no worker has taken a job for so long, its text says whether one is running. */
const UNTAKEN_MS = 5000;

/**
 * Waits for the end of a job and returns its result.
 *
 * @throws JobFailedError if it failed for good, Error if it is gone
 */
export async function followJob(
  queue: Pick<OpenQueue<QueueName>, 'getJob' | 'getJobState' | 'getWorkersCount' | 'toKey' | 'redis'>,
  id: string,
  { stage, show, signal }: FollowOptions,
): Promise<unknown> {
  const since = Date.now();
  for (;;) {
    // The state is read first: a job that was read before its end has no result yet.
    const state = await queue.getJobState(id);
    const job = await queue.getJob(id);
    if (job === undefined) throw new Error(`${stage}: job ${id} is not in Redis any more`);
    if (state === 'completed') return job.returnvalue;
    if (state === 'failed')
      throw new JobFailedError(stage, (await readJobFailure(queue, job)) ?? { reason: job.failedReason });
    const percent = typeof job.progress === 'number' ? job.progress : 0;
    if (state === 'active') {
      show(percent, `${stage} runs`);
    } else if (job.attemptsMade > 0) {
      const attempt = `attempt ${job.attemptsMade} of ${job.opts.attempts ?? 1}`;
      show(percent, `${stage}: ${attempt} failed, the next follows within ${within(job.delay)}: ${job.failedReason}`);
    } else {
      const isUntaken = Date.now() - since > UNTAKEN_MS && (await queue.getWorkersCount()) === 0;
      show(percent, isUntaken ? `${stage} waits: no worker is running` : `${stage} waits`);
    }
    await delay(POLL_MS, undefined, { signal });
  }
}

function within(delayMs: number): string {
  return delayMs < 60_000 ? `${Math.ceil(delayMs / 1000)} s` : `${Math.ceil(delayMs / 60_000)} min`;
}
