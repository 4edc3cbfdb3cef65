import { previousRun, type Schedule } from '@pgstow/shared/config/schedule.ts';

/**
 * When the newest of what a schedule makes must have been made, or later: it may be as old as two intervals and some time to
 * make it in or, for a cron pattern, as the run before the last one that is over for that time. One run may fail, two may not.
 *
 * @param graceMs that a run may take
 */
export function oldestAllowed(schedule: Schedule, now: Date, graceMs: number): Date {
  if (schedule.kind === 'interval') return new Date(now.getTime() - 2 * schedule.everyMs - graceMs);
  const last = runBefore(schedule, now.getTime() - graceMs);
  return runBefore(schedule, last.getTime() - 1);
}

/** A cron pattern takes a millisecond to look back, and is asked the same for each dump and database of a site. */
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
