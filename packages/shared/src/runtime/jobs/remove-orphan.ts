import type { Queue } from 'bullmq';
import type { RedisConnection } from '../redis/redis.ts';

/**
 * Removes a job that has no place in any list or set of its queue, as a loss of part of Redis leaves it: no worker would ever
 * take it, and BullMQ adds no other under its id. A job that has a place, or is locked by a worker, stays.
 */
export async function removeOrphan(
  queue: Pick<Queue, 'toKey'> & { readonly redis: RedisConnection },
  jobId: string,
): Promise<void> {
  const keys = [jobId, `${jobId}:logs`, `${jobId}:lock`, ...SETS, ...LISTS].map((name) => queue.toKey(name));
  await queue.redis.eval(REMOVE, keys.length, ...keys, jobId, SETS.length);
}

const SETS = ['completed', 'failed', 'delayed', 'prioritized', 'waiting-children'] as const;
const LISTS = ['wait', 'active', 'paused'] as const;

/** One script, because others may add the job, take it or end it meanwhile. */
const REMOVE = `
if redis.call('exists', KEYS[3]) == 1 then return 0 end
local setsEnd = 3 + tonumber(ARGV[2])
for i = 4, #KEYS do
  if i <= setsEnd then
    if redis.call('zscore', KEYS[i], ARGV[1]) then return 0 end
  elseif redis.call('lpos', KEYS[i], ARGV[1]) then return 0 end
end
return redis.call('del', KEYS[1], KEYS[2])`;
