import { setTimeout as delay } from 'node:timers/promises';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { expect, it } from 'vitest';
import { defineCheck, type Check, type Finding } from './check.ts';
import { createFacts, UnknownFactError } from './facts.ts';
import { runCheck } from './run-check.ts';

const WELL: Finding = { check: 'redis.server', status: 'ok', message: 'answers' };
const checkThat = (run: Check['run']): Check =>
  defineCheck({ name: 'redis.server', needs: ['redis'], timeoutMs: 50, run });
const run = (check: Check, signal = new AbortController().signal) =>
  runCheck(check, { redis: { url: '', site: '' } }, createFacts(new Date()), signal);

it('keeps what was found before something came to a stop, and ends', async () => {
  let signalled = false;
  const check = checkThat(async function* (_settings, _facts, signal) {
    signal.addEventListener('abort', () => (signalled = true));
    yield WELL;
    await new Promise(() => undefined);
  });
  expect(await run(check)).toEqual([
    WELL,
    expect.objectContaining({ check: 'redis.server', status: 'fault', message: expect.stringContaining('0.05 s') }),
  ]);
  expect(signalled).toBe(true);
});

it('tells what a check throws, with its hint', async () => {
  const check = checkThat(async function* () {
    yield WELL;
    throw new PermanentError('refused', { hint: 'Mend it.' });
  });
  expect(await run(check)).toEqual([
    WELL,
    { check: 'redis.server', status: 'fault', message: 'refused', hint: 'Mend it.' },
  ]);
});

it('skips what another check tells of, and what has no configuration', async () => {
  const unknown = checkThat(async function* () {
    yield* [];
    throw new UnknownFactError('not checked');
  });
  expect(await run(unknown)).toEqual([{ check: 'redis.server', status: 'skipped', message: 'not checked' }]);
  const without = await runCheck(unknown, {}, createFacts(new Date()), new AbortController().signal);
  expect(without).toMatchObject([{ status: 'skipped', message: expect.stringContaining('(Redis)') }]);
});

it('throws the reason of whoever interrupts it', async () => {
  const reason = new Error('enough');
  const controller = new AbortController();
  const check = checkThat(async function* (_settings, _facts, signal) {
    yield WELL;
    setTimeout(() => controller.abort(reason), 1);
    await delay(10_000, undefined, { signal });
  });
  await expect(run(check, controller.signal)).rejects.toThrow('enough');
});
