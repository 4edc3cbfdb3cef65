import { exitCodes, ExitError } from './exit-codes.ts';

/**
 * Runs a verb with a signal that Ctrl-C or SIGTERM aborts. A second one ends the process at once.
 *
 * @throws ExitError 130 once the verb has ended after an interruption
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const ended = new AbortController();
  const stopListening = (): void => void process.off('SIGINT', end).off('SIGTERM', end);
  const end = (name: NodeJS.Signals): void => {
    if (ended.signal.aborted) {
      stopListening();
      process.kill(process.pid, name);
    } else ended.abort(new Error(`interrupted by ${name}`));
  };
  // Not `once`: execa listens as well while a program runs, and ends the process if it is the only listener left.
  process.on('SIGINT', end).on('SIGTERM', end);
  const isInterrupted = (): boolean => ended.signal.aborted;
  try {
    return await work(ended.signal);
  } catch (error) {
    if (!isInterrupted()) throw error;
    throw new ExitError(exitCodes.interrupted, 'interrupted');
  } finally {
    stopListening();
  }
}
