import type { QueueName } from '../../contract/jobs.ts';
import type { OpenQueue } from './queue.ts';

/**
 * Reads when each schedule of a queue is due next, by its id, at once for all of them: BullMQ reads each by a request of its own.
 *
 * Source: bullmq, classes/job-scheduler.js (the scores of `repeat` are the times in milliseconds)
 */
export async function readNextRuns<Q extends QueueName>(
  queue: Pick<OpenQueue<Q>, 'redis' | 'toKey'>,
): Promise<ReadonlyMap<string, Date>> {
  const found = await queue.redis.zrange(queue.toKey('repeat'), '0', '-1', 'WITHSCORES');
  const runs = new Map<string, Date>();
  for (let index = 0; index + 1 < found.length; index += 2)
    runs.set(found[index] ?? '', new Date(Number(found[index + 1])));
  return runs;
}
