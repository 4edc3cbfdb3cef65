import { previousRun, type Schedule } from '@pgstow/shared/config/subjects/schedule.ts';

/**
 * The oldest time that the newest product of a schedule may have. One run may fail, two may not: for an interval that is two
 * intervals ago, for a cron pattern the run before the last one, each with time for a run to end.
 *
 * @param graceMs time that a run may take
 */
export function oldestAllowed(schedule: Schedule, now: Date, graceMs: number): Date {
  if (schedule.kind === 'interval') return new Date(now.getTime() - 2 * schedule.everyMs - graceMs);
  const last = runBefore(schedule, now.getTime() - graceMs);
  return runBefore(schedule, last.getTime() - 1);
}

/** Runs by schedule and time. Looking back in a cron pattern takes a millisecond, and each dump of a site asks the same. */
const LOOKED_UP = new WeakMap<Schedule, Map<number, Date>>();
const MOST_LOOKED_UP = 8;

/** The last run at or before a time. */
export function runBefore(schedule: Schedule, timeMs: number): Date {
  let known = LOOKED_UP.get(schedule);
  if (known === undefined || known.size > MOST_LOOKED_UP) LOOKED_UP.set(schedule, (known = new Map()));
  const run = known.get(timeMs) ?? previousRun(schedule, new Date(timeMs));
  known.set(timeMs, run);
  return run;
}
