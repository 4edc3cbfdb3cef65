import { eventually } from '@pgstow/testing/eventually.ts';
import { startRedis } from '@pgstow/testing/servers/redis-server.ts';
import type { Job } from 'bullmq';
import { openQueue, type OpenQueue } from '../src/runtime/jobs/queue.ts';
import type { Task } from '../src/runtime/jobs/task.ts';
import { startWorker } from '../src/runtime/jobs/worker.ts';
import { createLog } from '../src/runtime/log/log.ts';
import { createRedact } from '../src/runtime/log/redact.ts';
import { connectRedis } from '../src/runtime/redis/redis.ts';

export const redact = createRedact(['geheim']);
export const log = createLog('test', 'fatal', redact);

export type Sites = Awaited<ReturnType<typeof startSites>>;

/** A Redis for tests of workers, each of which has its own site. */
export async function startSites() {
  const server = await startRedis();
  const redis = await connectRedis(server.url, log);
  let sites = 0;
  return {
    server,
    redis,
    /** A site with a queue, and how to start a worker there. */
    open() {
      const site = `site-${(sites += 1)}`;
      const queue = openQueue('dump', site, redis);
      return {
        site,
        queue,
        start: (handle: (task: Task<'dump'>) => Promise<unknown>, graceMs = 10_000) =>
          startWorker({ queue: 'dump', site, redis, log, redact, graceMs, handle }),
        [Symbol.asyncDispose]: () => queue[Symbol.asyncDispose](),
      };
    },
    async [Symbol.asyncDispose]() {
      await redis[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** The job, once it is in that state. */
export function reach(queue: OpenQueue<'dump'>, job: Job, state: string): Promise<Job> {
  return eventually(async () => {
    const isThere = (await queue.getJobState(job.id ?? '')) === state;
    return isThere ? ((await queue.getJob(job.id ?? '')) ?? null) : null;
  });
}
