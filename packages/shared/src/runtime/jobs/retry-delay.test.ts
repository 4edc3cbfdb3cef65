import { expect, it } from 'vitest';
import { retryDelayMs } from './retry-delay.ts';

it('the ceiling doubles from the base and stops at half an hour', () => {
  const ceilings = [1, 2, 3, 4, 9, 10, 30, 5000].map((attempts) => retryDelayMs(attempts, 5000, () => 1));
  expect(ceilings).toEqual([5000, 10_000, 20_000, 40_000, 1_280_000, 1_800_000, 1_800_000, 1_800_000]);
});

it('the delay is anywhere under the ceiling, a whole number of milliseconds', () => {
  const delays = Array.from({ length: 2000 }, () => retryDelayMs(4, 1000));
  expect(Math.min(...delays)).toBeLessThan(1000);
  expect(Math.max(...delays)).toBeGreaterThan(7000);
  expect(delays.every((delay) => Number.isInteger(delay) && delay >= 0 && delay <= 8000)).toBe(true);
});

it('thirty attempts at an upload go on for hours', () => {
  let totalMs = 0;
  for (let attempts = 1; attempts < 30; attempts += 1) totalMs += retryDelayMs(attempts, 5000, () => 0.5);
  expect(totalMs / 3_600_000).toBeGreaterThan(4);
});
