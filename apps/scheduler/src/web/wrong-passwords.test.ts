import { expect, test } from 'vitest';
import { WrongPasswords } from './wrong-passwords.ts';

const tryTimes = (wrong: WrongPasswords, network: string, times: number, nowMs = 0) => {
  for (let i = 0; i < times; i += 1) wrong.tries(network, nowMs);
};

test('a few wrong passwords are free, and each further one doubles the wait', () => {
  const wrong = new WrongPasswords();
  tryTimes(wrong, '10.0.0.1', 4);
  expect(wrong.waitMs('10.0.0.1', 0)).toBe(0);
  const waits = Array.from({ length: 8 }, () => {
    wrong.tries('10.0.0.1', 0);
    return wrong.waitMs('10.0.0.1', 0);
  });
  expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
  expect(wrong.waitMs('10.0.0.1', 29_000)).toBe(1000);
  expect(wrong.waitMs('10.0.0.2', 0)).toBe(0);
});

test('time ends it', () => {
  const wrong = new WrongPasswords();
  tryTimes(wrong, 'a', 9);
  wrong.tries('a', 3_600_000);
  expect(wrong.waitMs('a', 3_600_000)).toBe(0);
});

test('it keeps no more than a thousand in mind', () => {
  const wrong = new WrongPasswords();
  for (let i = 0; i < 5000; i += 1) wrong.tries(`10.0.${i >> 8}.${i & 255}`, 0);
  expect(wrong.size).toBe(1000);
});
