import { exitCodes, ExitError } from './exit-codes.ts';

/**
 * Runs a verb with a signal that Ctrl-C or SIGTERM aborts. A second one ends the process at once.
 *
 * @throws ExitError 130 once the verb has ended after an interruption
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const ended = new AbortController();
  const end = (name: NodeJS.Signals): void => ended.abort(new Error(`interrupted by ${name}`));
  process.once('SIGINT', end).once('SIGTERM', end);
  const isInterrupted = (): boolean => ended.signal.aborted;
  try {
    return await work(ended.signal);
  } catch (error) {
    if (!isInterrupted()) throw error;
    throw new ExitError(exitCodes.interrupted, 'interrupted');
  } finally {
    process.off('SIGINT', end).off('SIGTERM', end);
  }
}
