import { expect, test } from 'vitest';
import { notifiesOfTests, notifiesOfBackups } from './notification-policy.ts';

const startedAt = new Date('2026-03-10T12:00:00Z');
const told = (minutes: number, { isPaused = false, workers = 1, isDue = true, protection = 'no' as const } = {}) =>
  notifiesOfBackups(
    { database: 'shop', protection },
    { startedAt },
    {
      now: new Date(startedAt.getTime() + minutes * 60_000),
      queues: [{ name: 'dump', isPaused, workers, counts: {} }],
      dumping: new Map(isDue ? [['shop', { id: '1', isRunning: false, dueAt: startedAt }]] : []),
    },
  );

test('what was missed while all was down has an hour to be made good', () => {
  expect([told(59), told(60)]).toEqual([false, true]);
  expect(told(1, { isDue: false })).toBe(true);
});

test('what nobody makes good is told at once, or once workers had the time to come', () => {
  expect(told(0, { isPaused: true })).toBe(true);
  expect([told(1, { workers: 0 }), told(2, { workers: 0 })]).toEqual([false, true]);
});

test('so it is with restore tests', () => {
  const tested = (minutes: number, changes = {}) =>
    notifiesOfTests(
      { startedAt },
      {
        now: new Date(startedAt.getTime() + minutes * 60_000),
        queues: [{ name: 'verify', isPaused: false, workers: 1, counts: {}, ...changes }],
      },
    );
  expect([tested(59), tested(60)]).toEqual([false, true]);
  expect([tested(0, { isPaused: true }), tested(1, { workers: 0 }), tested(2, { workers: 0 })]).toEqual([
    true,
    false,
    true,
  ]);
});
