import { expect, it } from 'vitest';
import { startsAfterMs } from './jitter-policy.ts';

const HOUR_MS = 3600_000;
const databases = Array.from({ length: 100 }, (_, number) => ({ database: `shop_${number}` }));

it('a run begins at once without a jitter', () => {
  expect(startsAfterMs({ database: 'shop' }, 0)).toBe(0);
});

it('runs are spread over all of the jitter, each by its own share, always the same', () => {
  const times = databases.map((target) => startsAfterMs(target, HOUR_MS));
  expect(databases.map((target) => startsAfterMs(target, HOUR_MS))).toEqual(times);
  expect(Math.min(...times)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...times)).toBeLessThan(HOUR_MS);
  const byQuarter = Map.groupBy(times, (time) => Math.floor((4 * time) / HOUR_MS));
  for (const quarter of [0, 1, 2, 3]) expect(byQuarter.get(quarter)?.length).toBeGreaterThan(10);
});

it('databases of one name on two servers have shares of their own', () => {
  expect(startsAfterMs({ server: 'a', database: 'shop' }, HOUR_MS)).not.toBe(
    startsAfterMs({ server: 'b', database: 'shop' }, HOUR_MS),
  );
});
