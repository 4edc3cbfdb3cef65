import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { startRedis } from '@pgstow/testing/servers/redis-server.ts';
import { expect, test } from 'vitest';
import { createLog } from '../log/log.ts';
import { connectRedis } from '../redis/redis.ts';
import { keepWantedSince, readWantedSince, type First } from './wanted-since.ts';

test.skipIf(!hasRedis())('what is waited for is noted once, and forgotten once it came', async () => {
  await using server = await startRedis();
  await using redis = await connectRedis(server.url, createLog('test', 'fatal', String));
  const at = (minute: number) => new Date(Date.UTC(2026, 10, 26, 3, minute));
  const keep = (minute: number, wanted: Readonly<Record<string, readonly First[]>>) =>
    keepWantedSince(redis, 'mine', new Map(Object.entries(wanted)), at(minute));
  const read = async () => Object.fromEntries(await readWantedSince(redis, 'mine'));

  await keep(1, { shop: ['backup'], 'a:b': ['backup'], orders: [] });
  await keep(2, { shop: ['backup'], 'a:b': ['backup'], orders: ['backup'] });
  expect(await read()).toEqual({ shop: { backup: at(1) }, 'a:b': { backup: at(1) }, orders: { backup: at(2) } });
  // What is not ours says nothing, and goes; what was noted by a clock that was ahead is noted anew.
  await redis.hset('pgstow:mine:wanted-since', {
    'other:shop': '1',
    'backup:bad': 'soon',
    'backup:orders': '99999999999999',
  });
  expect(Object.keys(await read()).toSorted()).toEqual(['a:b', 'orders', 'shop']);
  await keep(3, { shop: ['backup'], orders: ['backup'] });
  expect(await read()).toEqual({ shop: { backup: at(1) }, orders: { backup: at(3) } });
  expect(await redis.hlen('pgstow:mine:wanted-since')).toBe(2);
  await keep(4, { shop: ['verdict'] });
  expect(await read()).toEqual({ shop: { verdict: at(4) } });
});
