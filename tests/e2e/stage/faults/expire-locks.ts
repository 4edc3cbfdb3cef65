import { queuePrefix } from '@pgstow/shared/runtime/jobs/queue.ts';
import { Redis } from 'ioredis';

/**
 * Ends at once in Redis what half a minute ends after a worker was killed or stands still: the locks of its site run out,
 * and the next worker that starts takes over its jobs.
 */
export async function expireLocks({ url }: { readonly url: string }, site = 'default'): Promise<void> {
  const redis = new Redis(url);
  const keys = [...(await redis.keys(`${queuePrefix(site)}:*`)), ...(await redis.keys('pgstow:lock:*'))];
  for (const key of keys) {
    if (/:(?:lock|stalled-check)(?::|$)/.test(key)) await redis.del(key);
    // A job is lost once two looks at the queue have found it without its lock: this is the first.
    else if (key.endsWith(':active'))
      await redis.sadd(key.replace(/active$/, 'stalled'), ...(await redis.lrange(key, 0, -1)));
  }
  redis.disconnect();
}
