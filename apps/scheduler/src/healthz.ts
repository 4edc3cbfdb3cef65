import { setTimeout as delay } from 'node:timers/promises';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import type { RedisConnection } from '@pgstow/shared/runtime/redis.ts';
import type { WatchedSchedules } from './watch-schedules.ts';

export type Health = { readonly status: 'ok' } | { readonly status: 'unavailable'; readonly reason: string };

const REDIS_ANSWERS_WITHIN_MS = 2000;

/** Whether dumps will be asked for: Redis answers, and the schedules are in it. Says nothing that may not be public. */
export async function checkHealth(redis: RedisConnection, schedules: WatchedSchedules): Promise<Health> {
  const reason = (await pingRedis(redis)) ?? schedules.fault;
  return reason === undefined ? { status: 'ok' } : { status: 'unavailable', reason };
}

async function pingRedis(redis: RedisConnection): Promise<string | undefined> {
  const late = new AbortController();
  try {
    return await Promise.race([
      redis.ping().then(() => undefined),
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
