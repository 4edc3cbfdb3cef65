import { describeError } from '@pgstow/shared/runtime/errors.ts';
import { repeat, type Repeated } from '@pgstow/shared/runtime/repeat.ts';
import { reconcileSchedules, type WantedEntries } from './reconcile-schedules.ts';
import type { ScheduleAction } from './schedule-plan.ts';

/** Schedules that are kept in order until this is disposed. */
export type WatchedSchedules = Disposable & {
  /** Why the schedules may not be in order, or `undefined` if they are. */
  readonly fault: string | undefined;
  /** Reconciles them for the first time. A Redis that takes nothing is a `fault` and no error: the scheduler must run to raise the alarm. */
  start(): Promise<void>;
};

const EVERY_MS = 60_000;

/**
 * Later passes add only what is missing. Two schedulers of different configurations, one of which replaces the other, would undo
 * each other's work for ever.
 */
const REPAIRS: ReadonlySet<ScheduleAction['kind']> = new Set(['create', 'mend']);
const REPAIRS_AND_REMOVALS: ReadonlySet<ScheduleAction['kind']> = new Set([...REPAIRS, 'remove']);

/**
 * Reconciles the schedules at the start and repairs them again and again: a Redis that was emptied, or that came back
 * without its data, has its schedules again within a minute.
 */
export function watchSchedules(wanted: WantedEntries, everyMs = EVERY_MS): WatchedSchedules {
  let fault: string | undefined = 'the schedules are not written yet';
  let repeated: Repeated | undefined;
  let isFirst = true;

  const reconcile = async (): Promise<void> => {
    const { readTargets } = wanted;
    const targets = readTargets === undefined ? wanted.targets : await readTargets();
    if (targets !== undefined) {
      // Every scheduler finds the same targets, so none undoes what another did.
      const repairs = readTargets === undefined ? REPAIRS : REPAIRS_AND_REMOVALS;
      await reconcileSchedules({ ...wanted, targets }, isFirst ? undefined : repairs);
      isFirst = false;
    }
    fault = undefined;
  };

  return {
    get fault() {
      return fault;
    },
    async start() {
      repeated = repeat(everyMs, reconcile, (error) => {
        fault = 'the schedules could not be checked';
        wanted.log.warn({ err: describeError(error) }, fault);
      });
      await repeated.first;
    },
    [Symbol.dispose]() {
      repeated?.[Symbol.dispose]();
    },
  };
}
