import { createLog } from '@pgstow/shared/runtime/log/log.ts';
import { answerWithin } from '@pgstow/shared/runtime/redis/answer-within.ts';
import { connectRedis, type RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';

const ANSWERS_WITHIN_MS = 10_000;

/**
 * Connects to Redis for one verb.
 *
 * @throws RetryableError if Redis refuses, or takes the connection and says nothing; once the signal is aborted
 */
export function connect(url: string, signal: AbortSignal): Promise<RedisConnection> {
  const connecting = connectRedis(url, createLog('pgstow', 'error', String));
  return answerWithin(ANSWERS_WITHIN_MS, connecting, { hint: 'Start Redis or set REDIS_URL.', signal });
}
