import { setTimeout as delay } from 'node:timers/promises';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { createLog } from '@pgstow/shared/runtime/log.ts';
import { connectRedis, type RedisConnection } from '@pgstow/shared/runtime/redis.ts';

const ANSWERS_WITHIN_MS = 10_000;

/**
 * Connects to Redis for one verb.
 *
 * @throws RetryableError if it refuses, or takes the connection and says nothing: a person does not wait for ever; the
 *   signal's reason
 */
export async function connect(url: string, signal: AbortSignal): Promise<RedisConnection> {
  const answered = new AbortController();
  const either = AbortSignal.any([answered.signal, signal]);
  const tooLate = delay(ANSWERS_WITHIN_MS, undefined, { signal: either }).then(() => {
    throw new RetryableError(`redis does not answer within ${ANSWERS_WITHIN_MS / 1000} s`, {
      hint: 'Start Redis or set REDIS_URL.',
    });
  });
  try {
    return await Promise.race([connectRedis(url, createLog('pgstow', 'error', String)), tooLate]);
  } finally {
    answered.abort();
    tooLate.catch(() => undefined);
  }
}
