import { openQueue, queuePrefix, type OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import type { RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import { QueueEvents, type Job } from 'bullmq';

type Kind = 'dump' | 'upload' | 'verify';

/** A queue of a site whose jobs are waited for. */
export type WatchedJobs<K extends Kind> = AsyncDisposable & {
  readonly queue: OpenQueue<K>;
  /** Waits for the end of a job. @param failed rejects once no worker is left to end it. @throws if the job fails */
  ended(id: string | undefined, failed: Promise<never>): Promise<Job>;
};

export function watchJobs<K extends Kind>(kind: K, site: string, connection: RedisConnection): WatchedJobs<K> {
  const stack = new AsyncDisposableStack();
  const queue = stack.use(openQueue(kind, site, connection));
  const events = new QueueEvents(kind, { connection, prefix: queuePrefix(site) });
  stack.defer(() => events.close());
  const find = async (id = ''): Promise<Job> => {
    const job = (await queue.getJob(id)) as Job | undefined;
    if (job === undefined) throw new Error(`wanted a job ${id} in the queue ${kind}`);
    return job;
  };
  return {
    queue,
    ended: async (id, failed) => {
      await Promise.race([(await find(id)).waitUntilFinished(events), failed]);
      return find(id);
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
