import { expect, it } from 'vitest';
import { judgeRedis, type RedisFacts } from './check-redis.ts';

const WELL: RedisFacts = {
  version: '7.0.15',
  evictionPolicy: 'noeviction',
  keepsAppendOnlyFile: true,
  writesSnapshots: true,
  isDiskWell: true,
  usedBytes: 1_000_000,
  limitBytes: 0,
};
const ill = (facts: Partial<RedisFacts>) =>
  [...judgeRedis({ ...WELL, ...facts })].flatMap(({ check, status }) => (status === 'ok' ? [] : [[check, status]]));

it('finds nothing wrong with a Redis that keeps what it is given', () => {
  expect(ill({})).toEqual([]);
  expect(ill({ limitBytes: 10_000_000 })).toEqual([]);
});

it.each<[Partial<RedisFacts>, string, string]>([
  [{ version: '6.0.16' }, 'redis.server', 'warning'],
  [{ evictionPolicy: 'volatile-lru' }, 'redis.eviction', 'fault'],
  [{ evictionPolicy: undefined }, 'redis.eviction', 'skipped'],
  [{ keepsAppendOnlyFile: false }, 'redis.persistence', 'warning'],
  [{ keepsAppendOnlyFile: false, writesSnapshots: false }, 'redis.persistence', 'fault'],
  [{ keepsAppendOnlyFile: false, writesSnapshots: undefined }, 'redis.persistence', 'skipped'],
  [{ isDiskWell: false }, 'redis.persistence', 'fault'],
  [{ limitBytes: 1_100_000 }, 'redis.memory', 'warning'],
  [{ limitBytes: 900_000 }, 'redis.memory', 'fault'],
])('%j', (facts, check, status) => {
  expect(ill(facts)).toEqual([[check, status]]);
});
