import { expect, test } from 'vitest';
import type { AlarmRecord } from './alarm-record.ts';
import { UnkeptAlarms } from './unkept-alarms.ts';

const HOUR_MS = 3_600_000;
const alarm = (database: string) => ({ kind: 'stale', database, sinceMs: 1000 }) as AlarmRecord;

test('an alarm is told once in six hours, and anew once it is over', () => {
  const unkept = new UnkeptAlarms();
  const admit = (hours: number) => unkept.admit(alarm('shop'), hours * HOUR_MS);
  expect([0, 1, 5.9, 6, 11, 12].map(admit)).toEqual(['now', 'no', 'no', 'now', 'no', 'now']);
  expect(unkept.end(alarm('shop'), new Date(999))).toBeUndefined();
  expect(unkept.end(alarm('shop'), new Date(1000))).toEqual(alarm('shop'));
  expect(unkept.end(alarm('shop'), new Date(1000))).toBeUndefined();
  expect(admit(12.1)).toBe('now');
});

test('twenty are told in an hour, and the others later', () => {
  const unkept = new UnkeptAlarms();
  const names = Array.from({ length: 50 }, (_, index) => `db${index}`);
  const told = (ms: number) => names.filter((name) => unkept.admit(alarm(name), ms) === 'now').length;
  expect(told(0)).toBe(20);
  expect(unkept.waiting()).toHaveLength(30);
  expect([told(1000), told(HOUR_MS), told(HOUR_MS + 1), told(2 * HOUR_MS), told(3 * HOUR_MS)]).toEqual([
    0, 20, 0, 10, 0,
  ]);
  expect(unkept.waiting()).toEqual([]);
});

test('what nobody took waits, and takes its part of the rate again', () => {
  const unkept = new UnkeptAlarms();
  let told = 0;
  for (let minute = 0; minute < 60; minute += 1) {
    if (unkept.admit(alarm('shop'), minute * 60_000) !== 'now') continue;
    told += 1;
    unkept.fail(alarm('shop'));
    expect(unkept.isSent(alarm('shop'), minute * 60_000)).toBe(false);
  }
  expect(told).toBe(20);
  expect(unkept.waiting()).toEqual([alarm('shop')]);
  unkept.drop(alarm('shop'));
  expect(unkept.waiting()).toEqual([]);
});

test('no more wait than memory is worth', () => {
  const unkept = new UnkeptAlarms();
  const admitted = Array.from({ length: 600 }, (_, index) => unkept.admit(alarm(`db${index}`), 0));
  expect(admitted.filter((each) => each === 'later')).toHaveLength(500);
  expect(admitted.slice(-80)).toEqual(Array.from({ length: 80 }, () => 'no'));
});
