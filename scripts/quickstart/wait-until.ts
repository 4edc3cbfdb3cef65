import { setTimeout as delay } from 'node:timers/promises';
import { assertRunning } from './assert-running.ts';
import type { Run } from './run-to-end.ts';

const EVERY_MS = 100;
const LIMIT_MS = 90_000;

/**
 * Repeats `look` until it finds something, and returns that.
 *
 * @throws Error if a process ends or logs an error meanwhile, or `look` finds nothing within 90 s
 */
export async function waitUntil<T>(
  { signal, processes }: Pick<Run, 'signal' | 'processes'>,
  wanted: string,
  look: () => Promise<T | undefined>,
): Promise<T> {
  const deadline = performance.now() + LIMIT_MS;
  for (;;) {
    assertRunning(processes);
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadline)
      throw new Error(`wanted ${wanted} within ${LIMIT_MS / 1000} s, but waited in vain`);
    await delay(EVERY_MS, undefined, { signal });
  }
}
