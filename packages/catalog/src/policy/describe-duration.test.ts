import { expect, test } from 'vitest';
import { describeDuration } from './describe-duration.ts';

test.each([
  [0, '0s'],
  [12_900, '12s'],
  [125_000, '2m 5s'],
  [2 * 3_600_000 + 1000, '2h'],
  [2 * 3_600_000 + 5 * 60_000, '2h 5m'],
  [76 * 3_600_000 + 59 * 60_000, '3d 4h'],
  [7 * 24 * 3_600_000, '7d'],
])('%d ms are %s', (ms, text) => {
  expect(describeDuration(ms)).toBe(text);
});
