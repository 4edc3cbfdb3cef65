import { expect, test } from 'vitest';
import { takeTurns } from './take-turns.ts';

test('one takes its turn after the other, and after what the other rests', async () => {
  const take = takeTurns();
  const order: string[] = [];
  const { promise: rest, resolve: restIsOver } = Promise.withResolvers<void>();
  const first = take('a', async () => {
    order.push('first');
    return { answer: 1, rest };
  });
  const second = take('a', async () => {
    order.push('second');
    return { answer: 2 };
  });
  expect(await first).toBe(1);
  // Another network has a line of its own.
  expect(await take('b', async () => ({ answer: 'b' }))).toBe('b');
  expect(order).toEqual(['first']);
  restIsOver();
  expect(await second).toBe(2);
  expect(order).toEqual(['first', 'second']);
});

test('a turn that fails holds up nobody', async () => {
  const take = takeTurns();
  const failing = take('a', () => Promise.reject(new Error('no')));
  const next = take('a', async () => ({ answer: 2 }));
  await expect(failing).rejects.toThrow('no');
  expect(await next).toBe(2);
});

test('a line of a hundred takes no more, until one has had its turn', async () => {
  const take = takeTurns();
  const { promise: rest, resolve: restIsOver } = Promise.withResolvers<void>();
  const line = Array.from({ length: 100 }, (_, n) => take('a', async () => ({ answer: n, rest })));
  expect(await take('a', async () => ({ answer: 'more' }))).toBeUndefined();
  restIsOver();
  expect(await Promise.all(line)).toEqual(line.map((_, n) => n));
  expect(await take('a', async () => ({ answer: 'more' }))).toBe('more');
});
