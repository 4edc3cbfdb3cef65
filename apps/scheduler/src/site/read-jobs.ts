import { targetOfJob, type QueueName } from '@pgstow/shared/contract/jobs.ts';
import { readJobFailure } from '@pgstow/shared/runtime/jobs/job-failure.ts';
import type { OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import { queueOrder } from './read-site.ts';
import { answerOf } from './redis-answer.ts';
import type { Site } from './site.ts';

/** A job as the status page shows it. */
export type ShownJob = {
  readonly queue: QueueName;
  readonly id: string;
  /** `undefined` for that of stack.env, and if its data is not ours. */
  readonly server: string | undefined;
  /** `undefined` if its data is not ours. */
  readonly database: string | undefined;
  readonly state: 'running' | 'retried' | 'failed';
  /** 0 to 100, while it runs and reports it. */
  readonly percent: number | undefined;
  /** Why it, or its last attempt, failed. */
  readonly reason: string | undefined;
  /** What to do about it. */
  readonly hint: string | undefined;
  /** How often it was begun in all: a job that failed for good may have been requested again. */
  readonly begun: number;
  /** When it failed for good, is tried again, or began. */
  readonly at: Date | undefined;
};

const MOST = 20;
const MOST_DELAYED = 300;

/** Reads the jobs of each queue that run, wait for another attempt or, the newest ones, failed for good. @throws RetryableError */
export async function readJobs({ queues }: Pick<Site, 'queues'>): Promise<readonly ShownJob[]> {
  const read = queueOrder.map((name) => readQueueJobs(queues[name] as unknown as OpenQueue<QueueName>));
  return (await answerOf(Promise.all(read))).flat();
}

async function readQueueJobs(queue: OpenQueue<QueueName>): Promise<readonly ShownJob[]> {
  const [active, delayed, failed] = await Promise.all([
    queue.getJobs(['active'], 0, MOST),
    queue.getJobs(['delayed'], 0, MOST_DELAYED),
    queue.getJobs(['failed'], 0, MOST - 1),
  ]);
  const retried = delayed.filter(({ attemptsMade }) => attemptsMade > 0).slice(0, MOST);
  const dueAt = await Promise.all(retried.map((job) => readDueTime(queue, job.id ?? '')));
  return await Promise.all([
    ...active.map((job) => show(queue, job, 'running', job.processedOn)),
    ...retried.map((job, index) => show(queue, job, 'retried', dueAt[index])),
    ...failed.map((job) => show(queue, job, 'failed', job.finishedOn ?? undefined)),
  ]);
}

/**
 * Reads when a job that waits between attempts is tried again, in milliseconds. The job itself says only how long it waits.
 *
 * Source: bullmq, commands/includes/getDelayedScore.lua
 */
async function readDueTime(queue: OpenQueue<QueueName>, id: string): Promise<number | undefined> {
  const score = await queue.redis.zscore(queue.toKey('delayed'), id);
  return score === null ? undefined : Math.floor(Number(score) / 0x1000);
}

type Job = Awaited<ReturnType<OpenQueue<QueueName>['getJobs']>>[number];

async function show(
  queue: OpenQueue<QueueName>,
  job: Job,
  state: ShownJob['state'],
  atMs: number | undefined,
): Promise<ShownJob> {
  const failure = await readJobFailure(queue, job);
  const target = targetOfJob(queue.name as QueueName, job.data);
  return {
    queue: queue.name as QueueName,
    id: job.id ?? '',
    server: target?.server,
    database: target?.database,
    state,
    percent: typeof job.progress === 'number' ? job.progress : undefined,
    reason: failure?.reason,
    hint: failure?.hint,
    begun: job.attemptsStarted,
    at: atMs === undefined ? undefined : new Date(atMs),
  };
}
