import type { Job } from 'bullmq';
import { PermanentError } from './errors.ts';
import type { RedisConnection } from './redis.ts';

/**
 * How often a job may be lost with its worker. A host that went down under it may do so again, but a job that kills its
 * worker would go on for ever: BullMQ's own limit, `maxStalledCount`, does not hold for jobs of a schedule.
 */
const MOST_LOST = 5;

/**
 * Stops a job that has ended its worker again and again, for good. Whoever retries it gives it as many chances anew.
 *
 * @param queueKey what the queue's keys in Redis begin with
 * @throws PermanentError
 */
export async function assertNotDeadly(
  { id, stalledCounter: lost }: Job<unknown, unknown>,
  redis: RedisConnection,
  queueKey: string,
): Promise<void> {
  if (lost <= MOST_LOST) return;
  // BullMQ counts in this field for all of the job's life, and has no way to begin anew.
  // Source: bullmq, commands/moveStalledJobsToWait-9.lua
  await redis.hset(`${queueKey}:${id}`, 'stc', 0);
  throw new PermanentError(`its worker ended or stood still ${lost} times while it ran`, {
    hint: 'See how the worker ended (docker inspect says OOMKilled where memory ran out), mend that, and retry the job.',
  });
}
