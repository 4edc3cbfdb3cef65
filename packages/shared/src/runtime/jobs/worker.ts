import { Worker, type Job } from 'bullmq';
import { jobs, type JobData, type QueueName } from '../../contract/jobs.ts';
import { currentTracing } from '../../tracing/tracing.ts';
import { describeError } from '../errors.ts';
import { JobError, type JobFailure } from './job-failure.ts';
import { queuePrefix } from './queue.ts';
import { retryDelayMs } from './retry-delay.ts';
import { runJob, SHUTDOWN, wantedSince, type RunJobOptions } from './run-job.ts';

/** A job that was done. */
export type EndedJob<Q extends QueueName> = {
  readonly id: string;
  readonly data: JobData<Q>;
  /** The value that its handler returned. */
  readonly result: unknown;
  readonly wantedSince: Date;
};

/** A job that failed and is not tried again by itself. */
export type FailedJob<Q extends QueueName> = {
  readonly id: string;
  readonly data: JobData<Q>;
  readonly failure: JobFailure;
};

export type WorkerOptions<Q extends QueueName> = RunJobOptions<Q> & {
  /** Jobs that run at once; one unless given. */
  readonly concurrency?: number;
  /** Time for a running job to finish once the worker is disposed. */
  readonly graceMs: number;
  /** Called once a job is done, and not waited for. Not called for a job whose data is not ours. */
  readonly onCompleted?: (job: EndedJob<Q>) => void;
  /** Called once a job has failed for good: no other attempt would help, or all are used up. */
  readonly onFailedForGood?: (job: FailedJob<Q>) => void;
};

/** Seconds that a worker that ends waits for Redis once it has nothing else to wait for. */
const GIVE_UP_SECONDS = 3;
/** Time for an aborted handler; a child process that ignores SIGTERM is killed after 10 seconds. */
const ABORT_MS = 12_000;

/**
 * Takes jobs from a queue. Disposal drains: running jobs may finish within `graceMs`; then their signals are aborted, and they go back
 * to the queue without an attempt used up.
 */
export function startWorker<Q extends QueueName>(options: WorkerOptions<Q>): AsyncDisposable {
  const { queue, site, redis, log, redact, graceMs, concurrency = 1 } = options;
  let working = 0;
  const counted: WorkerOptions<Q> = {
    ...options,
    handle: (task) => {
      working += 1;
      return options.handle(task).finally(() => (working -= 1));
    },
  };
  // BullMQ passes a signal only to processors that name three parameters.
  const traces = currentTracing();
  const worker = new Worker<unknown, unknown>(
    queue,
    (job, token, signal) => {
      return runJob(counted, job, token, signal ?? new AbortController().signal);
    },
    {
      connection: redis,
      ...(traces === undefined ? {} : { telemetry: traces.workers }),
      prefix: queuePrefix(site),
      concurrency,
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
    },
  );
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
      // The job cannot be handed back to a Redis that is away, and waiting for Redis would have us killed. The next worker finds the
      // job without its own.
      const gaveUp = Promise.withResolvers<void>();
      // Redis may keep a handler from ending, too: it gets time to end what it started, and no more.
      const abandonAtMs = performance.now() + graceMs + ABORT_MS;
      let secondsAway = 0;
      const watch = setInterval(() => {
        const isIdle = working === 0 || performance.now() > abandonAtMs;
        secondsAway = isIdle && redis.status !== 'ready' ? secondsAway + 1 : 0;
        if (secondsAway < GIVE_UP_SECONDS) return;
        redis.disconnect();
        // This may wait for Redis as well.
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
  const call = (job: Job<unknown, unknown>, notify: (data: JobData<Q>) => void): void => {
    const parsed = jobs[queue].safeParse(job.data);
    if (!parsed.success) return;
    try {
      notify(parsed.data as JobData<Q>);
    } catch (error) {
      log.warn({ job: job.id, err: redact(describeError(error)) }, 'could not notify of the end of a job');
    }
  };
  worker.on('completed', (job, result) =>
    call(job, (data) => onCompleted?.({ id: job.id ?? '', data, result, wantedSince: wantedSince(job) })),
  );
  worker.on('failed', (job, error) => {
    // Between attempts a job has not finished.
    if (job === undefined || typeof job.finishedOn !== 'number') return;
    const failure = error instanceof JobError ? error.failure : { reason: redact(error.message) };
    call(job, (data) => onFailedForGood?.({ id: job.id ?? '', data, failure }));
  });
}
