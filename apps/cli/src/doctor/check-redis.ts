import { connect } from '../connect.ts';
import { defineCheck } from './check.ts';
import { judgeRedis, readRedisAbout } from './redis-about.ts';

/** Redis itself. What lies in it is `checkQueues`'s. */
export const checkRedis = defineCheck({
  name: 'redis.server',
  needs: ['redis'],
  timeoutMs: 30_000,
  async *run({ redis }, _facts, signal) {
    await using connection = await connect(redis.url, signal);
    yield* judgeRedis(await readRedisAbout(connection));
  },
});
