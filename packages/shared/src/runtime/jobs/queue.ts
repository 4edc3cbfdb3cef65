import { Queue, type Job, type JobsOptions } from 'bullmq';
import type { BackupName } from '../../contract/backup-name.ts';
import { jobs, uploadJobId, verifyJobId, type DumpReason, type JobData, type QueueName } from '../../contract/jobs.ts';
import { inTraceOf } from '../../tracing/backup-trace.ts';
import { currentTracing } from '../../tracing/tracing.ts';
import type { RedisConnection } from '../redis/redis.ts';
import { removeOrphan } from './remove-orphan.ts';

export interface OpenQueue<Q extends QueueName> extends Queue<JobData<Q>, unknown> {
  readonly site: string;
  /** The server that jobs are added for; `undefined`: that of stack.env. */
  readonly server: string | undefined;
  readonly redis: RedisConnection;
}

/** Opens a queue of a site to add a server's jobs, over a connection that the caller closes. All servers share the queue. */
export function openQueue<Q extends QueueName>(
  name: Q,
  site: string,
  redis: RedisConnection,
  server?: string,
): OpenQueue<Q> & AsyncDisposable {
  const telemetry = currentTracing()?.queues;
  const queue = new Queue<JobData<Q>, unknown>(name, {
    connection: redis,
    prefix: queuePrefix(site),
    ...(telemetry === undefined ? {} : { telemetry }),
  });
  // An error of the connection without a listener would end the process; the connection logs its own.
  queue.on('error', () => undefined);
  return Object.assign(queue, { site, server, redis, [Symbol.asyncDispose]: () => queue.close() });
}

export function queuePrefix(site: string): string {
  return `pgstow:${site}`;
}

const KEPT = {
  removeOnComplete: { count: 200, age: 30 * 24 * 3600 },
  removeOnFail: { count: 500, age: 90 * 24 * 3600 },
} as const satisfies JobsOptions;

/** How often and how far apart a job is tried: full jitter under a cap that doubles from `delay`; see `retryDelayMs`. */
export const jobOptions = {
  dump: { ...KEPT, attempts: 6, backoff: { type: 'capped', delay: 30_000 } },
  upload: { ...KEPT, attempts: 30, backoff: { type: 'capped', delay: 5000 } },
  verify: { ...KEPT, attempts: 8, backoff: { type: 'capped', delay: 30_000 } },
} as const satisfies Record<QueueName, JobsOptions>;

/** Puts a job behind those of people: BullMQ takes jobs without a priority before all that have one. */
const BEHIND = { priority: 10 } as const satisfies JobsOptions;

/** Options of jobs that no person asked for. */
export const plannedJobOptions = {
  dump: { ...jobOptions.dump, ...BEHIND },
  verify: { ...jobOptions.verify, ...BEHIND },
} as const satisfies Partial<Record<QueueName, JobsOptions>>;

/** @param options.jobId makes it one job, however often it is asked for */
export async function enqueueDump(
  queue: OpenQueue<'dump'>,
  target: string,
  reason: DumpReason,
  { jobId }: Pick<JobsOptions, 'jobId'> = {},
): Promise<Job<JobData<'dump'>, unknown>> {
  const data = jobs.dump.parse({ ...ofServer(queue), target });
  const options = reason === 'ad-hoc' ? jobOptions.dump : plannedJobOptions.dump;
  if (jobId === undefined) return queue.add(reason, data, options);
  await removeOrphan(queue, jobId);
  return queue.add(reason, data, { ...options, jobId });
}

/**
 * Asks for an upload, however often: one that waits, runs or sleeps between attempts is left as it is, one that failed
 * for good is tried anew, one that was done before is done again.
 */
export async function enqueueUpload(queue: OpenQueue<'upload'>, name: BackupName, destination: string): Promise<void> {
  const jobId = uploadJobId(name, destination, queue.server);
  const data = jobs.upload.parse({ ...ofServer(queue), name, destination });
  await clearTheWay(queue, jobId);
  await inTraceOf(queue, name, () => queue.add('upload', data, { ...jobOptions.upload, jobId }));
}

/**
 * Reads which jobs of a queue wait, run or sleep between attempts. To ask that of each of thousands takes Redis the square of their
 * number.
 */
export async function readUnendedIds(queue: OpenQueue<'upload'>): Promise<ReadonlySet<string>> {
  const lists = ['wait', 'paused', 'active'].map((name) => queue.redis.lrange(queue.toKey(name), 0, -1));
  const sets = ['prioritized', 'delayed'].map((name) => queue.redis.zrange(queue.toKey(name), '0', '-1'));
  return new Set((await Promise.all([...lists, ...sets])).flat());
}

/**
 * Asks for a restore test of a dump as it lies at a destination, however often, as for an upload.
 *
 * @param rehearse major version of PostgreSQL to rehearse an upgrade to
 * @returns the job's id
 */
export async function enqueueVerify(
  queue: OpenQueue<'verify'>,
  name: BackupName,
  destination: string,
  reason: 'after-upload' | 'ad-hoc',
  rehearse?: number,
): Promise<string> {
  const jobId = verifyJobId(name, destination, queue.server);
  const data = jobs.verify.parse({
    ...ofServer(queue),
    name,
    destination,
    ...(rehearse === undefined ? {} : { rehearse }),
  });
  // A job that is there already would run as it was asked for. One that runs by now stays.
  if (rehearse !== undefined) await queue.remove(jobId);
  await clearTheWay(queue, jobId);
  if (reason === 'ad-hoc') {
    await queue.add(reason, data, { ...jobOptions.verify, jobId });
    await hurry(queue, jobId);
  } else {
    await inTraceOf(queue, name, () => queue.add(reason, data, { ...plannedJobOptions.verify, jobId }));
  }
  return jobId;
}

/** The part of a job's data that names its server. */
function ofServer({ server }: { readonly server: string | undefined }): { readonly server?: string } {
  return server === undefined ? {} : { server };
}

/** Puts a job that is in the queue before those that no person waits for. */
async function hurry(queue: OpenQueue<'verify'>, jobId: string): Promise<void> {
  const job = await queue.getJob(jobId);
  // A job that is there already would lose its turn.
  if (job === undefined || job.priority === 0) return;
  await job.changePriority({ priority: 0 }).catch(() => undefined);
}

/**
 * Makes room for a job under its id: BullMQ adds none under an id that is taken. A job that failed runs again as it is, so that
 * its log and its reasons stay; one that was done, or lost its place in the queue, goes.
 */
async function clearTheWay(queue: OpenQueue<'upload'> | OpenQueue<'verify'>, jobId: string): Promise<void> {
  const state = await queue.getJobState(jobId);
  if (state === 'unknown') await removeOrphan(queue, jobId);
  // Another process may have removed or retried it meanwhile: then it is in no one's way.
  if (state === 'completed') await queue.remove(jobId).catch(() => undefined);
  if (state === 'failed') await retryFailed(queue, jobId).catch(() => undefined);
}

async function retryFailed(queue: OpenQueue<'upload'> | OpenQueue<'verify'>, jobId: string): Promise<void> {
  const job = await queue.getJob(jobId);
  // Its place alone is left of it.
  if (job === undefined) return void (await queue.remove(jobId));
  const reason = job.failedReason;
  // Its attempts count from zero again, and its starts go on.
  await job.retry('failed', { resetAttemptsMade: true });
  await job.log(
    `${new Date().toISOString()} asked for anew; begun ${job.attemptsStarted} times so far, and failed for good by: ${reason}`,
  );
}
