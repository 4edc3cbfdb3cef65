import { describeError } from '@pgstow/shared/runtime/errors.ts';
import { reconcileSchedules, type WantedEntries } from './reconcile-schedules.ts';
import type { ScheduleAction } from './schedule-plan.ts';

/** Schedules that are looked after until this is disposed. */
export type WatchedSchedules = AsyncDisposable & {
  /** Why the schedules may not be in order, or `undefined` if they are. */
  readonly fault: string | undefined;
  /** Reconciles them for the first time. Where Redis takes nothing, that is a fault, and tried again: somebody is to tell of it. */
  start(): Promise<void>;
};

const EVERY_MS = 60_000;

/**
 * Only what is missing is made good: were two schedulers with different configurations running (one of them being
 * replaced, say), each would undo the other's work for ever.
 */
const REPAIRS: ReadonlySet<ScheduleAction['kind']> = new Set(['create', 'mend']);

/**
 * Reconciles the schedules at the start and repairs them again and again: a Redis that was emptied, or that came back
 * without its data, has its schedules again within a minute.
 */
export function watchSchedules(wanted: WantedEntries, everyMs = EVERY_MS): WatchedSchedules {
  let fault: string | undefined = 'the schedules are not written yet';
  let timer: NodeJS.Timeout | undefined;
  let isReconciling = false;
  let isFirst = true;
  let isDisposed = false;

  const reconcile = async (): Promise<void> => {
    // While Redis is away it waits for it.
    if (isReconciling) return;
    isReconciling = true;
    try {
      await (isFirst ? reconcileSchedules(wanted) : reconcileSchedules(wanted, REPAIRS));
      isFirst = false;
      fault = undefined;
    } catch (error) {
      fault = 'the schedules could not be checked';
      // At the end the connection may close under it.
      if (!isDisposed) wanted.log.warn({ err: describeError(error) }, fault);
    } finally {
      isReconciling = false;
    }
  };

  return {
    get fault() {
      return fault;
    },
    async start() {
      await reconcile();
      timer = setInterval(() => void reconcile(), everyMs);
    },
    async [Symbol.asyncDispose]() {
      isDisposed = true;
      clearInterval(timer);
    },
  };
}
