import { expect, it } from 'vitest';
import { judgeSize } from './size-policy.ts';

it('the first dump has nothing to be compared with', () => {
  expect(judgeSize(1, [])).toEqual({ verdict: 'plausible' });
});

it.each([
  [700, { verdict: 'plausible' }],
  [100_000, { verdict: 'plausible' }],
  [699, { verdict: 'shrunk', percent: 70 }],
  [300, { verdict: 'shrunk', percent: 30 }],
  [299, { verdict: 'implausible', percent: 30 }],
  [1, { verdict: 'implausible', percent: 0 }],
])('%i bytes after a thousand', (bytes, judgement) => {
  expect(judgeSize(bytes, [1000])).toEqual(judgement);
});

it('one odd dump among the last five changes nothing', () => {
  expect(judgeSize(900, [1000, 1000, 1, 1000, 1000])).toEqual({ verdict: 'plausible' });
  expect(judgeSize(100, [1000, 1000, 1, 1000, 1000])).toMatchObject({ verdict: 'implausible' });
  expect(judgeSize(900, [1000, 1000, 1_000_000, 1000, 1000])).toEqual({ verdict: 'plausible' });
});

it('what lies further back than five no longer counts', () => {
  expect(judgeSize(10, [1000, 1000, 1000, 10, 10, 10, 10, 10])).toEqual({ verdict: 'plausible' });
});

it('the dumps that it is given stay in their order', () => {
  const earlier = [3, 1, 2];
  judgeSize(1, earlier);
  expect(earlier).toEqual([3, 1, 2]);
});
