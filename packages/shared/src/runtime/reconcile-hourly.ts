import { describeError } from './errors.ts';
import type { Log } from './log/log.ts';
import { repeat } from './repeat.ts';

const EVERY_MS = 3600 * 1000;

/** One time through what a worker reconciles. */
export type Pass = {
  readonly isFirst: boolean;
  readonly signal: AbortSignal;
  /** Does one step. What it throws is logged, and stops no other step. */
  readonly step: (what: string, work: () => Promise<unknown>) => Promise<void>;
};

/**
 * Brings the plan in Redis, folder and stores back in line, now and every hour, beside the jobs. Disposing ends it.
 *
 * @param reconcile awaits its steps one after another
 */
export function reconcileHourly(log: Log, reconcile: (pass: Pass) => Promise<void>): AsyncDisposable {
  let isFirst = true;
  const pass = async (signal: AbortSignal): Promise<void> => {
    const step: Pass['step'] = async (what, work) => {
      if (signal.aborted) return;
      await work().catch((error: unknown) => {
        if (!signal.aborted) log.warn({ err: describeError(error) }, `could not ${what}; it is tried again in an hour`);
      });
    };
    await reconcile({ isFirst, signal, step });
    isFirst = false;
    if (!signal.aborted) log.info('reconciled');
  };
  return repeat(EVERY_MS, pass, (error) => log.error({ err: describeError(error) }, 'reconciliation failed'));
}
