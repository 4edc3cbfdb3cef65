import { setTimeout as wait } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Deadline } from './deadline.ts';

it('ends what takes too long, and does not count what it waits for', async () => {
  using deadline = new Deadline(200);
  {
    using _waits = deadline.pause();
    await wait(400);
    expect(deadline.signal.aborted).toBe(false);
  }
  await wait(400);
  expect(deadline.signal.aborted).toBe(true);
});

it('counts what went by before it waited', async () => {
  using deadline = new Deadline(600);
  await wait(400);
  deadline.pause()[Symbol.dispose]();
  await wait(400);
  expect(deadline.signal.aborted).toBe(true);
});
