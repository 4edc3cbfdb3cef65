import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { startRedis } from '@pgstow/testing/servers/redis-server.ts';
import { describe, expect, it } from 'vitest';
import type { Log } from '../log/log.ts';
import { connectRedis } from '../redis/redis.ts';
import { readNextRuns } from './next-runs.ts';
import { openQueue } from './queue.ts';

describe.skipIf(!hasRedis())('the next runs', () => {
  it('are those that BullMQ says of each schedule', async () => {
    await using server = await startRedis();
    await using redis = await connectRedis(server.url, { warn: () => undefined } as unknown as Log);
    await using queue = openQueue('dump', 'here', redis);
    expect(await readNextRuns(queue)).toEqual(new Map());
    await queue.upsertJobScheduler('daily', { pattern: '0 3 * * *' });
    await queue.upsertJobScheduler('weekly', { every: 7 * 24 * 3600 * 1000 });
    const schedulers = await queue.getJobSchedulers();
    expect(schedulers).toHaveLength(2);
    expect(await readNextRuns(queue)).toEqual(new Map(schedulers.map(({ key, next }) => [key, new Date(next ?? 0)])));
  });
});
