import { setTimeout as delay } from 'node:timers/promises';
import { clientFactsOf } from './postgres-error.ts';

const TRIES = 10;
const WAIT_MS = 500;

/**
 * Tries again for five seconds while the server has no connection free: it may still count a session of ours that has ended. A role
 * or database with `CONNECTION LIMIT 1` has none to spare.
 *
 * @param connect changes nothing if the server refuses the connection
 * @throws as `connect` does; the signal's reason once that is aborted
 */
export async function retryWhileCrowded<T>(connect: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await connect();
    } catch (error) {
      if (clientFactsOf(error)?.isCrowded !== true || tries === TRIES) throw error;
    }
    await delay(WAIT_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}
