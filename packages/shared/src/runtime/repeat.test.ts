import { expect, test } from 'vitest';
import { repeat } from './repeat.ts';

test('work is done now and again, never twice at once, and what it throws ends nothing', async () => {
  let running = 0;
  let runs = 0;
  const faults: unknown[] = [];
  const enough = Promise.withResolvers<void>();
  const work = async (): Promise<void> => {
    running += 1;
    runs += 1;
    expect(running).toBe(1);
    await new Promise(setImmediate);
    running -= 1;
    if (runs === 4) enough.resolve();
    if (runs < 3) throw new Error(`fault ${runs}`);
  };
  await using repeated = repeat(1, work, (error) => faults.push(error));
  await repeated.first;
  expect(runs).toBe(1);
  await enough.promise;
  expect(faults).toEqual([new Error('fault 1'), new Error('fault 2')]);
});

test('disposing aborts the run that is under way, waits for it, and begins no other', async () => {
  let runs = 0;
  const faults: unknown[] = [];
  const work = async (signal: AbortSignal): Promise<void> => {
    runs += 1;
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
  };
  {
    await using _repeated = repeat(0, work, (error) => faults.push(error));
  }
  expect(runs).toBe(1);
  expect(faults).toEqual([]);
});
