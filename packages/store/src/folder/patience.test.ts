import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { expect, it } from 'vitest';
import { Patience } from './patience.ts';

it('asks no more of a file system that does not answer, until it has', async () => {
  const patience = new Patience(1);
  const { promise, resolve } = Promise.withResolvers<string>();
  await expect(patience.wait(() => promise)).rejects.toThrow('has not answered for');
  expect(patience.isExhausted).toBe(true);
  let calls = 0;
  const next = () => patience.wait(async () => (calls += 1));
  await expect(next()).rejects.toThrow(RetryableError);
  expect(calls).toBe(0);
  resolve('late');
  await promise;
  // The answer is noted behind what waited for it.
  await new Promise(setImmediate);
  expect(await next()).toBe(1);
});

it('ends with the reason of the signal, and with what the call throws', async () => {
  const patience = new Patience(60_000);
  const reason = new Error('enough');
  const controller = new AbortController();
  const waiting = patience.wait(() => new Promise<never>(() => undefined), controller.signal);
  controller.abort(reason);
  await expect(waiting).rejects.toBe(reason);
  const other = new Patience(60_000);
  await expect(other.wait(() => Promise.reject(reason))).rejects.toBe(reason);
  expect(other.isExhausted).toBe(false);
});
