import { DelayedError, UnrecoverableError, Worker, type Job } from 'bullmq';
import { ZodError, z } from 'zod';
import type { BackupName } from '../contract/backup-name.ts';
import { databaseOfJob, jobs, parseJobData, type JobData, type QueueName } from '../contract/jobs.ts';
import { rememberTrace } from '../tracing/backup-trace.ts';
import { tracing } from '../tracing/tracing.ts';
import { assertNotDeadly } from './assert-not-deadly.ts';
import { assertReadable } from './assert-readable.ts';
import { BusyError, PermanentError, describeError } from './errors.ts';
import { countFailure, noteAttempt } from './job-history.ts';
import type { Log } from './log.ts';
import { queuePrefix } from './queue.ts';
import type { Redact } from './redact.ts';
import type { RedisConnection } from './redis.ts';
import { retryDelayMs } from './retry-delay.ts';
import { dueTime } from './scheduled-job.ts';

/** A job as its handler sees it: parsed, and without BullMQ. */
export type Task<Q extends QueueName> = {
  readonly id: string;
  readonly data: JobData<Q>;
  /** The job's name: why it exists. */
  readonly reason: string;
  /** Since when the result has been wanted. */
  readonly wantedSince: Date;
  /** Whether an attempt at it failed, or was lost with its worker. */
  readonly isRepeated: boolean;
  /** Aborted when the process must end or the job is no longer ours. */
  readonly signal: AbortSignal;
  /** Its lines bear the job's id and, once it is known, the backup's name. */
  readonly log: Log;
  /** Says which backup the job is of, as soon as that is known: from then on log and trace tell it. */
  concerns(name: BackupName): void;
  /** A line for the board's log of the job, and for the process's own. */
  note(line: string): void;
  /** Shown by the board. @param percent 0 to 100 */
  progress(percent: number): void;
};

/** A job that was done. */
export type EndedJob<Q extends QueueName> = {
  readonly id: string;
  readonly data: JobData<Q>;
  /** What its handler returned. */
  readonly result: unknown;
  readonly wantedSince: Date;
};

/** A job that failed and is not tried again by itself. */
export type FailedJob<Q extends QueueName> = {
  readonly id: string;
  readonly data: JobData<Q>;
  /** As `describeError` writes it, without secrets. */
  readonly message: string;
};

export type WorkerOptions<Q extends QueueName> = {
  readonly queue: Q;
  readonly site: string;
  readonly redis: RedisConnection;
  readonly log: Log;
  readonly redact: Redact;
  /** Time for a running job to finish once the worker is disposed. */
  readonly graceMs: number;
  readonly handle: (task: Task<Q>) => Promise<unknown>;
  /** Called once a job is done, and waited for by nobody. A job whose data is not ours is neither done nor failed here. */
  readonly onCompleted?: (job: EndedJob<Q>) => void;
  /** The same once a job has failed for good: no other attempt would help, or all are used up. Never for an attempt. */
  readonly onFailedForGood?: (job: FailedJob<Q>) => void;
};

const SHUTDOWN = 'shutdown';

/** Of a job's log on the board. */
const KEPT_LINES = 500;
/** Of what a job's attempts failed by. */
const KEPT_REASONS = 50;

/** How long a worker that ends, and has nothing else to wait for, waits for Redis. */
const GIVE_UP_SECONDS = 3;
/** Time for an aborted handler; a child process that ignores SIGTERM is killed after 10 seconds. */
const ABORT_MS = 12_000;

/**
 * Takes jobs from a queue, one at a time. Disposing drains: the running job may finish within `graceMs`, then its signal
 * is aborted and it goes back to the queue without an attempt used up.
 */
export function startWorker<Q extends QueueName>(options: WorkerOptions<Q>): AsyncDisposable {
  const { queue, site, redis, log, redact, graceMs } = options;
  let working = 0;
  const counted: WorkerOptions<Q> = {
    ...options,
    handle: (task) => {
      working += 1;
      return options.handle(task).finally(() => (working -= 1));
    },
  };
  // BullMQ passes a signal only to processors that name three parameters.
  const traces = tracing();
  const worker = new Worker<unknown, unknown>(queue, (job, token, signal) => processJob(counted, job, token, signal), {
    connection: redis,
    ...(traces === undefined ? {} : { telemetry: traces.workers }),
    prefix: queuePrefix(site),
    concurrency: 1,
    // A worker that was killed is noticed within half a minute.
    lockDuration: 15_000,
    stalledInterval: 10_000,
    // It would not hold for jobs of a schedule: `assertNotDeadly` counts for all alike.
    maxStalledCount: Number.MAX_SAFE_INTEGER,
    settings: {
      backoffStrategy: (attemptsMade, _type, _error, job) => {
        const backoff = job?.opts.backoff;
        return retryDelayMs(attemptsMade, typeof backoff === 'object' ? (backoff.delay ?? 1000) : 1000);
      },
    },
  });
  worker.on('active', (job) => traces?.beginScheduled(job));
  worker.on('error', (error) => log.warn({ err: redact(describeError(error)) }, 'queue error'));
  worker.on('stalled', (id) => log.warn({ job: id }, 'job was lost by its worker and goes back to the queue'));
  listenToEnds(worker, options);
  worker.on('lockRenewalFailed', (ids) => {
    for (const id of ids) worker.cancelJob(id, 'lost');
  });

  return {
    async [Symbol.asyncDispose]() {
      const closed = worker.close();
      const deadline = setTimeout(() => worker.cancelAllJobs(SHUTDOWN), graceMs);
      // With Redis away nothing can be handed back to it, and waiting for it would have us killed: whoever looks next
      // finds the job without its worker.
      const gaveUp = Promise.withResolvers<void>();
      // A handler that Redis keeps from ending is not waited for either, once it had time to end what it started.
      const abandonAtMs = performance.now() + graceMs + ABORT_MS;
      let secondsAway = 0;
      const watch = setInterval(() => {
        const isIdle = working === 0 || performance.now() > abandonAtMs;
        secondsAway = isIdle && redis.status !== 'ready' ? secondsAway + 1 : 0;
        if (secondsAway < GIVE_UP_SECONDS) return;
        redis.disconnect();
        // It, too, may wait for Redis.
        void worker.disconnect().catch(() => undefined);
        gaveUp.resolve();
      }, 1000);
      await Promise.race([closed, gaveUp.promise]).finally(() => {
        clearTimeout(deadline);
        clearInterval(watch);
      });
    },
  };
}

function listenToEnds<Q extends QueueName>(
  worker: Worker<unknown, unknown>,
  { queue, log, redact, onCompleted, onFailedForGood }: WorkerOptions<Q>,
): void {
  const call = (job: Job<unknown, unknown>, tell: (data: JobData<Q>) => void): void => {
    const parsed = jobs[queue].safeParse(job.data);
    if (!parsed.success) return;
    try {
      tell(parsed.data as JobData<Q>);
    } catch (error) {
      log.warn({ job: job.id, err: redact(describeError(error)) }, 'nobody could be told how a job ended');
    }
  };
  worker.on('completed', (job, result) =>
    call(job, (data) => onCompleted?.({ id: job.id ?? '', data, result, wantedSince: wantedSince(job) })),
  );
  worker.on('failed', (job, error) => {
    // Between attempts a job has not finished.
    if (job === undefined || typeof job.finishedOn !== 'number') return;
    call(job, (data) => onFailedForGood?.({ id: job.id ?? '', data, message: redact(error.message) }));
  });
}

async function processJob<Q extends QueueName>(
  { queue, site, redis, log: processLog, redact, handle }: WorkerOptions<Q>,
  job: Job<unknown, unknown>,
  token: string | undefined,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  const id = job.id ?? '';
  // A job that is asked for again and again for months must not grow with each attempt, whichever version made it.
  job.opts.keepLogs ??= KEPT_LINES;
  job.opts.stackTraceLimit ??= KEPT_REASONS;
  let log = processLog.child({ job: id });
  const concerns = (name: BackupName): void => {
    log = processLog.child({ job: id, name });
    tracing()?.describe({ name });
    rememberTrace(redis, site, name);
  };
  // The board's lines and progress are for show: a Redis that is away must not fail a backup over them.
  const shown = (write: Promise<unknown>): void => void write.catch(() => undefined);
  const database = databaseOfJob(queue, job.data);
  if (database !== undefined) shown(noteAttempt(redis, site, queue, database));
  tracing()?.describe({ site, ...(database === undefined ? {} : { database }) });
  try {
    assertReadable(job.data, wantedSince(job), new Date());
    const data = parseJobData(queue, job.data);
    await assertNotDeadly(job, redis, `${queuePrefix(site)}:${queue}`);
    if ('destination' in data) tracing()?.describe({ destination: data.destination });
    if ('name' in data) concerns(data.name);
    return await handle({
      id,
      data,
      reason: job.name,
      wantedSince: wantedSince(job),
      isRepeated: job.attemptsMade > 0 || job.stalledCounter > 0,
      signal: signal ?? new AbortController().signal,
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
      log.info({ retryInMs: error.retryInMs }, error.message);
      await job.moveToDelayed(Date.now() + error.retryInMs, token);
      throw new DelayedError();
    }
    if (signal?.aborted === true && signal.reason === SHUTDOWN) {
      log.warn('job aborted by shutdown; it goes back to the queue');
      await job.moveToDelayed(Date.now() + 1000, token);
      throw new DelayedError();
    }
    if (database !== undefined) shown(countFailure(redis, site, { stage: queue, database, reason: reasonOf(error) }));
    const translated = translate(error, redact, log);
    tracing()?.fail(reasonOf(error), translated.message);
    throw translated;
  }
}

/** One of a few words, whatever the message says. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? error.name : 'Error';
}

/** To BullMQ, what is stopped for good is an `UnrecoverableError`; all else is tried again. */
function translate(error: unknown, redact: Redact, log: Log): Error {
  if (error instanceof ZodError) {
    const message = `the job's data is not one of ours: ${z.prettifyError(error).replaceAll('\n', ' ')}`;
    log.error({ err: redact(message) }, 'job refused');
    return withoutStack(new UnrecoverableError(redact(message)));
  }
  const message = redact(describeError(error));
  if (error instanceof PermanentError) {
    log.error({ err: message }, 'job failed and will not be tried again by itself');
    return withoutStack(new UnrecoverableError(message));
  }
  log.error(
    { err: message, stack: error instanceof Error ? redact(error.stack ?? '') : undefined },
    'job attempt failed',
  );
  return withoutStack(new Error(message));
}

/** The board shows a failed job's stack, which tells an operator nothing but our paths; it is in the log. */
function withoutStack<E extends Error>(error: E): E {
  error.stack = error.message;
  return error;
}

/** A scheduled job is created when the one before it begins. */
function wantedSince(job: Job<unknown, unknown>): Date {
  return dueTime(job) ?? new Date(job.timestamp);
}
