import { nextRunBy, previousRun, type Schedule } from '@pgstow/shared/config/subjects/schedule.ts';
import { catchUpJobId, firstJobId } from '@pgstow/shared/contract/jobs.ts';

/** A schedule entry in Redis. */
export type ScheduleEntry = {
  readonly id: string;
  /** `undefined` if it is of a kind that we do not write. */
  readonly schedule: Schedule | undefined;
  readonly nextRun: Date;
  /** The state of the next run's job. If it is `gone`, the entry never fires again. */
  readonly nextJob: 'waiting' | 'active' | 'gone';
  /** Whether its jobs are made with the data and options of this version. */
  readonly isCurrent: boolean;
};

export type OneOffJob = { readonly name: 'first' | 'catch-up'; readonly jobId: string };

/** An action on one schedule entry, and why. */
export type ScheduleAction =
  | {
      readonly kind: 'create' | 'change' | 'renew' | 'mend';
      readonly id: string;
      readonly target: string;
      readonly reason: string;
      /** A job for a run that the entry itself would not make. It is added first: writing the entry drops the old run. */
      readonly oneOff?: OneOffJob;
      /** The entry's next run, where writing the entry would not set it. */
      readonly nextRun?: Date;
    }
  | { readonly kind: 'keep'; readonly id: string; readonly target: string; readonly reason: string }
  | { readonly kind: 'remove'; readonly id: string; readonly reason: string };

/** The names of a queue's entries of one server. */
export type EntryNames = {
  /** `undefined` for that of stack.env. */
  readonly server?: string | undefined;
  readonly idOf: (target: string) => string;
  /** Whether an entry is ours, for any target. */
  readonly isOurs: (id: string) => boolean;
};

/** A run that is due so soon counts as due: it may be by the time the entry is written. */
const DUE_WITHIN_MS = 5000;

/**
 * Compares the entries in Redis with the configuration. An entry that is right is left alone, because writing a cron
 * entry anew would drop a missed run that still waits.
 * An interval fires as soon as it is created or changed; a cron pattern waits for its next time.
 */
export function planSchedules(
  targets: readonly string[],
  schedule: Schedule,
  entries: readonly ScheduleEntry[],
  now: Date,
  { server, idOf, isOurs }: EntryNames,
): readonly ScheduleAction[] {
  const known = new Map(entries.map((entry) => [entry.id, entry]));
  const wanted = new Set(targets.map((target) => idOf(target)));
  const removals = entries
    .filter((entry) => isOurs(entry.id) && !wanted.has(entry.id))
    .map((entry) => ({ kind: 'remove', id: entry.id, reason: 'the configuration does not ask for it' }) as const);
  return [
    ...removals,
    ...targets.map((target) =>
      planTarget({ id: idOf(target), target, server }, schedule, known.get(idOf(target)), now),
    ),
  ];
}

function planTarget(
  { server, ...action }: { readonly id: string; readonly target: string; readonly server: string | undefined },
  schedule: Schedule,
  entry: ScheduleEntry | undefined,
  now: Date,
): ScheduleAction {
  if (entry === undefined) {
    const reason = `it has no schedule yet; ${describeSchedule(schedule)} from now on`;
    if (schedule.kind === 'interval') return { ...action, kind: 'create', reason };
    const jobId = firstJobId(action.target, previousRun(schedule, now).getTime(), server);
    return { ...action, kind: 'create', reason, oneOff: { name: 'first', jobId } };
  }

  const nextMs = entry.nextRun.getTime();
  const isDue = nextMs <= now.getTime() + DUE_WITHIN_MS;
  const isLost = isDue && entry.nextJob !== 'active';
  const catchUp = { oneOff: { name: 'catch-up', jobId: catchUpJobId(action.target, nextMs, server) } } as const;

  if (!isSameSchedule(entry.schedule, schedule)) {
    const was = entry.schedule === undefined ? 'something else' : describeSchedule(entry.schedule);
    const reason = `it was ${was} and is ${describeSchedule(schedule)} now`;
    return { ...action, kind: 'change', reason, ...(isLost && schedule.kind === 'cron' ? catchUp : {}) };
  }
  if (entry.nextJob === 'gone') {
    const reason = `the job of its run at ${entry.nextRun.toISOString()} is gone, so it would never fire again`;
    return { ...action, kind: 'mend', reason, ...(isLost ? catchUp : {}) };
  }
  const latestMs = nextRunBy(schedule, now)?.getTime() ?? Number.POSITIVE_INFINITY;
  if (nextMs > latestMs + DUE_WITHIN_MS) {
    // A run that was promoted on the board runs now, and the entry goes on from the time when it was due. A clock that was
    // ahead leaves the same.
    const reason = `its next run, at ${entry.nextRun.toISOString()}, is further off than ${describeSchedule(schedule)} allows`;
    const stepMs = schedule.kind === 'interval' ? schedule.everyMs : nextMs - latestMs;
    const nextRun = new Date(nextMs - stepMs * Math.ceil((nextMs - latestMs) / stepMs));
    return { ...action, kind: 'mend', reason, nextRun };
  }
  if (!entry.isCurrent && (schedule.kind === 'interval' || !isDue)) {
    return { ...action, kind: 'renew', reason: 'its jobs were made with other options' };
  }
  return { ...action, kind: 'keep', reason: `${describeSchedule(schedule)}, next at ${entry.nextRun.toISOString()}` };
}

function isSameSchedule(a: Schedule | undefined, b: Schedule): boolean {
  if (a?.kind === 'interval' && b.kind === 'interval') return a.everyMs === b.everyMs;
  if (a?.kind === 'cron' && b.kind === 'cron') return a.pattern === b.pattern && a.timeZone === b.timeZone;
  return false;
}

function describeSchedule(schedule: Schedule): string {
  return schedule.kind === 'interval'
    ? `every ${schedule.everyMs / 1000} s`
    : `at ${schedule.pattern} (${schedule.timeZone})`;
}
