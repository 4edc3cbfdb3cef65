import { Redis } from 'ioredis';
import { RetryableError, describeError } from '../errors.ts';
import type { Log } from '../log/log.ts';

/** The one connection of a process that its queues, workers and locks share; workers open a second, blocking one. */
export type RedisConnection = Redis & AsyncDisposable;

/**
 * Connects, or says at once why not. Afterwards the connection comes back by itself however long Redis is away.
 *
 * @throws RetryableError if Redis does not answer now
 */
export async function connectRedis(url: string, log: Log): Promise<RedisConnection> {
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 5000,
    // The process ends this much later, too, after a connection was refused.
    disconnectTimeout: 200,
    // BullMQ's workers require it: a blocking read must outlast any outage.
    maxRetriesPerRequest: null,
    retryStrategy: (times) => Math.min(200 * 2 ** Math.min(times, 6), 5000),
  });
  let connected = false;
  let lastError: unknown;
  redis.on('error', (error: unknown) => {
    lastError = error;
    if (connected) log.warn({ err: describeError(error) }, 'redis connection error');
  });
  try {
    await redis.connect();
    await redis.ping();
  } catch (cause) {
    redis.disconnect();
    throw new RetryableError(`redis at ${hostOf(url)} does not answer: ${describeError(lastError ?? cause)}`, {
      hint: 'Start Redis or set REDIS_URL.',
      cause,
    });
  }
  connected = true;
  await warnAboutSettings(redis, log);
  return Object.assign(redis, {
    async [Symbol.asyncDispose]() {
      // quit would wait for ever for a Redis that is away.
      if (redis.status === 'ready') await redis.quit().catch(() => redis.disconnect());
      else redis.disconnect();
    },
  });
}

function hostOf(url: string): string {
  const { hostname, port } = new URL(url);
  return `${hostname}:${port || '6379'}`;
}

/** A Redis that evicts or forgets loses the plan, never a backup: worth a warning, not a refusal. */
async function warnAboutSettings(redis: Redis, log: Log): Promise<void> {
  // Hosted Redis services forbid CONFIG; then nothing can be said.
  const settings = await redis.config('GET', 'maxmemory-policy', 'appendonly').catch(() => undefined);
  if (!Array.isArray(settings)) return;
  const value = (name: string): unknown => settings[settings.indexOf(name) + 1];
  if (value('maxmemory-policy') !== 'noeviction') {
    log.warn({ policy: value('maxmemory-policy') }, 'redis may evict jobs; set maxmemory-policy noeviction');
  }
  if (value('appendonly') !== 'yes') log.warn('redis forgets its jobs when it restarts; set appendonly yes');
}
