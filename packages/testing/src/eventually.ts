import { setTimeout as delay } from 'node:timers/promises';
import { inspect } from 'node:util';
import { DEADLINE_MS } from './deadline.ts';

export interface EventuallyOptions {
  /** Milliseconds to go on trying; `DEADLINE_MS` unless given. */
  readonly timeoutMs?: number;
  /** Milliseconds between two tries; 50 unless given. */
  readonly everyMs?: number;
}

type Falsy = false | 0 | '' | null | undefined;

/**
 * Calls `check` until it returns something truthy without throwing, and returns that. A check without a return value holds
 * as soon as it does not throw. So a test awaits a condition or an `expect` instead of sleeping.
 *
 * @throws with the last error or value when time is up
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  { timeoutMs = DEADLINE_MS, everyMs = 50 }: EventuallyOptions = {},
): Promise<Exclude<T, Exclude<Falsy, undefined>>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const outcome = await attempt(check);
    if ('value' in outcome && (outcome.value || outcome.value === undefined)) {
      return outcome.value as Exclude<T, Exclude<Falsy, undefined>>;
    }
    if (performance.now() >= deadline) {
      if ('error' in outcome) {
        throw new Error(`condition did not hold within ${timeoutMs} ms: ${describe(outcome.error)}`, {
          cause: outcome.error,
        });
      }
      throw new Error(`condition did not hold within ${timeoutMs} ms; last value: ${inspect(outcome.value)}`);
    }
    await delay(everyMs);
  }
}

async function attempt<T>(check: () => T | Promise<T>): Promise<{ value: T } | { error: unknown }> {
  try {
    return { value: await check() };
  } catch (error) {
    return { error };
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : inspect(error);
}
