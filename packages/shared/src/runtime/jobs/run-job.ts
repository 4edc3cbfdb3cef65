import { DelayedError, type Job } from 'bullmq';
import type { BackupName } from '../../contract/backup-name.ts';
import { parseJobData, targetOfJob, type QueueName } from '../../contract/jobs.ts';
import { scopeOf } from '../../contract/scope.ts';
import { rememberTrace } from '../../tracing/backup-trace.ts';
import { currentTracing } from '../../tracing/tracing.ts';
import { BusyError } from '../errors.ts';
import type { Log } from '../log/log.ts';
import type { Redact } from '../log/redact.ts';
import type { RedisConnection } from '../redis/redis.ts';
import { assertNotDeadly } from './assert-not-deadly.ts';
import { assertReadable } from './assert-readable.ts';
import { JobError, keepJobFailure } from './job-failure.ts';
import { countFailure, noteAttempt } from './job-history.ts';
import { queuePrefix } from './queue.ts';
import { dueTime } from './scheduled-job.ts';
import type { Task } from './task.ts';

/** Lines of a job's log on the board. */
const KEPT_LINES = 500;
/** Reasons of a job's failed attempts. */
const KEPT_REASONS = 50;

export type RunJobOptions<Q extends QueueName> = {
  readonly queue: Q;
  readonly site: string;
  readonly redis: RedisConnection;
  readonly log: Log;
  readonly redact: Redact;
  readonly handle: (task: Task<Q>) => Promise<unknown>;
};

/** Why a worker aborts its job when the process ends. */
export const SHUTDOWN = 'shutdown';

/**
 * Runs BullMQ's job as a task, and turns what the handler throws into what BullMQ is to do with the job.
 *
 * @throws JobError; DelayedError if the job goes back to the queue without an attempt used up
 */
export async function runJob<Q extends QueueName>(
  { queue, site, redis, log: processLog, redact, handle }: RunJobOptions<Q>,
  job: Job<unknown, unknown>,
  token: string | undefined,
  signal: AbortSignal,
): Promise<unknown> {
  const id = job.id ?? '';
  const queueKey = `${queuePrefix(site)}:${queue}`;
  // A job that is asked for again for months must not grow with each attempt, whichever version made it.
  job.opts.keepLogs ??= KEPT_LINES;
  job.opts.stackTraceLimit ??= KEPT_REASONS;
  const target = targetOfJob(queue, job.data);
  const scope = scopeOf(site, target?.server);
  const ofServer = target?.server === undefined ? {} : { server: target.server };
  let log = processLog.child({ job: id, ...ofServer });
  const concerns = (name: BackupName): void => {
    log = processLog.child({ job: id, ...ofServer, name });
    currentTracing()?.describe({ name });
    rememberTrace(redis, scope, name);
  };
  // Redis may be away: what is only shown must not fail a backup.
  const shown = (write: Promise<unknown>): void => void write.catch(() => undefined);
  const database = target?.database;
  if (database !== undefined) shown(noteAttempt(redis, scope, queue, database));
  currentTracing()?.describe({ site, ...ofServer, ...(database === undefined ? {} : { database }) });
  try {
    assertReadable(job.data, wantedSince(job), new Date());
    const data = parseJobData(queue, job.data);
    await assertNotDeadly(job, redis, queueKey);
    if ('destination' in data) currentTracing()?.describe({ destination: data.destination });
    if ('name' in data) concerns(data.name);
    return await handle({
      id,
      data,
      reason: job.name,
      wantedSince: wantedSince(job),
      isRepeated: job.attemptsMade > 0 || job.stalledCounter > 0,
      signal,
      get log() {
        return log;
      },
      concerns,
      note: (line) => {
        log.info(line);
        shown(job.log(`${new Date().toISOString()} ${redact(line)}`));
      },
      progress: (percent) => shown(job.updateProgress(percent)),
    });
  } catch (error) {
    if (error instanceof BusyError) {
      log[error.isUsual ? 'debug' : 'info']({ retryInMs: error.retryInMs }, error.message);
      await job.moveToDelayed(Date.now() + error.retryInMs, token);
      throw new DelayedError();
    }
    if (signal.aborted && signal.reason === SHUTDOWN) {
      log.warn('job aborted by shutdown; it goes back to the queue');
      await job.moveToDelayed(Date.now() + 1000, token);
      throw new DelayedError();
    }
    const kind = error instanceof Error ? error.name : 'Error';
    if (database !== undefined) shown(countFailure(redis, scope, { stage: queue, database, reason: kind }));
    const failed = new JobError(error, redact);
    shown(keepJobFailure(redis, `${queueKey}:${id}`, failed.failure, redact));
    if (failed.isFinal) log.error({ err: failed.message }, 'job failed and will not be tried again by itself');
    else {
      const stack = error instanceof Error ? redact(error.stack ?? '') : undefined;
      log.error({ err: failed.message, stack }, 'job attempt failed');
    }
    currentTracing()?.fail(kind, failed.message);
    throw failed;
  }
}

/** A scheduled job is created when the one before it begins. */
export function wantedSince(job: Job<unknown, unknown>): Date {
  return dueTime(job) ?? new Date(job.timestamp);
}
