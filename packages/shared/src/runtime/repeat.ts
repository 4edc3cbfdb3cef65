import { setTimeout as delay } from 'node:timers/promises';

/** Work that is done again and again. Disposing ends it: at once by `using`, after the run that is under way by `await using`. */
export type Repeated = Disposable &
  AsyncDisposable & {
    /** Resolves when the first run has ended, well or not. */
    readonly first: Promise<void>;
  };

/** A command to a Redis that is away would keep a process from ending. */
const STOP_LIMIT_MS = 3000;

/**
 * Runs work now, and again `everyMs` after each end: never twice at once.
 *
 * @param onFault gets what a run threw; not after disposal, when connections may close under it
 */
export function repeat(
  everyMs: number,
  work: (signal: AbortSignal) => Promise<void>,
  onFault: (error: unknown) => void,
): Repeated {
  const ended = new AbortController();
  const { signal } = ended;
  const run = (): Promise<void> =>
    work(signal).catch((error: unknown) => {
      if (!signal.aborted) onFault(error);
    });
  const first = run();
  const runAgain = async (): Promise<void> => {
    await first;
    while (!signal.aborted) {
      await delay(everyMs, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted) await run();
    }
  };
  const all = runAgain();
  const end = (): void => ended.abort(new Error('the process ends'));
  return {
    first,
    [Symbol.dispose]: end,
    async [Symbol.asyncDispose]() {
      end();
      await Promise.race([all, delay(STOP_LIMIT_MS, undefined, { ref: false })]);
    },
  };
}
