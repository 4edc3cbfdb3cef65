import type { Job } from 'bullmq';
import { PermanentError } from '../errors.ts';
import type { RedisConnection } from '../redis/redis.ts';

/**
 * Times that a job may be lost with its worker: a host may go down more than once, but a job that kills its worker would do so
 * for ever. BullMQ's own limit, `maxStalledCount`, does not hold for jobs of a schedule.
 */
const MOST_LOST = 5;

/**
 * Stops a job for good that has ended its worker again and again. A retry by a person gives it as many chances anew.
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
  // BullMQ never sets this field of the job back.
  // Source: bullmq, commands/moveStalledJobsToWait-9.lua
  await redis.hset(`${queueKey}:${id}`, 'stc', 0);
  throw new PermanentError(`its worker ended or stood still ${lost} times while it ran`, {
    hint: 'See how the worker ended (docker inspect says OOMKilled where memory ran out), mend that, and retry the job.',
  });
}
