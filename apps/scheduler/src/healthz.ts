import { setTimeout as delay } from 'node:timers/promises';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import type { RedisConnection } from '@pgstow/shared/runtime/redis.ts';
import type { QueueName } from '@pgstow/shared/contract/jobs.ts';
import type { OpenQueue } from '@pgstow/shared/runtime/queue.ts';
import type { WatchedSchedules } from './watch-schedules.ts';

export type Health = { readonly status: 'ok' } | { readonly status: 'unavailable'; readonly reason: string };

const REDIS_ANSWERS_WITHIN_MS = 2000;

/**
 * Whether dumps will be asked for and made: Redis answers, the schedules are in it, and nobody has paused a queue. Says
 * nothing that may not be public.
 */
export async function checkHealth(
  redis: RedisConnection,
  schedules: WatchedSchedules,
  queues: readonly OpenQueue<QueueName>[],
): Promise<Health> {
  const reason = (await askRedis(redis, queues)) ?? schedules.fault;
  return reason === undefined ? { status: 'ok' } : { status: 'unavailable', reason };
}

/** Why the jobs of a queue stay where they are, or `undefined`: a pause outlasts every restart. */
export async function findPaused(queues: readonly OpenQueue<QueueName>[]): Promise<string | undefined> {
  for (const queue of queues) {
    if (await queue.isPaused()) return `the queue ${queue.name} is paused; resume it on the board`;
  }
  return undefined;
}

async function askRedis(redis: RedisConnection, queues: readonly OpenQueue<QueueName>[]): Promise<string | undefined> {
  const late = new AbortController();
  try {
    return await Promise.race([
      redis.ping().then(() => findPaused(queues)),
      delay(REDIS_ANSWERS_WITHIN_MS, `redis does not answer within ${REDIS_ANSWERS_WITHIN_MS / 1000} s`, {
        signal: late.signal,
      }),
    ]);
  } catch (error) {
    return `redis does not answer: ${describeError(error)}`;
  } finally {
    late.abort();
  }
}
