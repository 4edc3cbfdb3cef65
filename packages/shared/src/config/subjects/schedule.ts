import { CronExpressionParser } from 'cron-parser';
import { z } from 'zod';
import { defineSubject, type ReportFault, type Variable } from '../subject.ts';
import { wholeNumber } from '../values/whole-number.ts';

/** When a target is to be dumped. */
export type Schedule =
  | ({ readonly kind: 'interval'; readonly everyMs: number } & Jittered)
  | ({ readonly kind: 'cron'; readonly pattern: string; readonly timeZone: string } & Jittered);

/** Time over which the runs of different targets are spread; none unless given. */
type Jittered = { readonly jitterMs?: number };

/** Patterns are tried on a fixed day, so that none is good today and a fault tomorrow. */
const ANY_DAY = '2026-01-01T12:00:00Z';
/** The time zone of every cron pattern, and of the periods of retention. */
export const TZ = {
  schema: z.string().default('UTC'),
  description:
    'Time zone of cron patterns, and of the days, weeks and so on of `BACKUP_KEEP_DAILY` and its like. File names are always in UTC.',
} as const satisfies Variable;

const WEEK_SECONDS = 7 * 24 * 60 * 60;

export const schedule = defineSubject({
  title: 'Schedule',
  variables: {
    BACKUP_INTERVAL: {
      schema: wholeNumber('a number of seconds', 1, 10 * 365 * 24 * 60 * 60).optional(),
      description: 'Seconds between dumps of a database. The first dump is made at once.',
      defaultText: `${WEEK_SECONDS} (a week)`,
    },
    BACKUP_CRON: {
      schema: z.string().optional(),
      description:
        'Instead of `BACKUP_INTERVAL`: a cron pattern of five fields, or six with seconds first, in the time zone `TZ`. `0 3 * * *` is every night at three.',
    },
    TZ,
    BACKUP_JITTER: {
      schema: wholeNumber('a number of seconds', 0, 24 * 60 * 60).default(0),
      description:
        'Seconds over which the scheduled dumps of different databases are spread: each begins later than planned by a share of them that is always the same.',
    },
  },
  build(values, report): Schedule {
    if (values.BACKUP_INTERVAL !== undefined && values.BACKUP_CRON !== undefined) {
      report('BACKUP_CRON', 'give either BACKUP_INTERVAL or BACKUP_CRON, not both');
    }
    const timeZone = readTimeZone(values.TZ, report);
    const jittered = values.BACKUP_JITTER === 0 ? {} : { jitterMs: values.BACKUP_JITTER * 1000 };
    if (values.BACKUP_CRON !== undefined) {
      const fault = timeZone === undefined ? undefined : cronFault(values.BACKUP_CRON, timeZone);
      if (fault !== undefined) report('BACKUP_CRON', fault);
      return { kind: 'cron', pattern: values.BACKUP_CRON.trim(), timeZone: timeZone ?? 'UTC', ...jittered };
    }
    return { kind: 'interval', everyMs: (values.BACKUP_INTERVAL ?? WEEK_SECONDS) * 1000, ...jittered };
  },
});

/** The time zone that TZ names, or `undefined` once its fault is reported. */
export function readTimeZone(name: string, report: ReportFault): string | undefined {
  // POSIX lets TZ begin with a colon.
  const timeZone = name.replace(/^:/, '');
  if (isTimeZone(timeZone)) return timeZone;
  report('TZ', `expected a time zone such as Europe/Berlin or UTC, got ${JSON.stringify(name)}`);
  return undefined;
}

/** Says what is wrong with a cron pattern, or `undefined` if nothing is. */
export function cronFault(pattern: string, timeZone: string): string | undefined {
  try {
    CronExpressionParser.parse(pattern, { tz: timeZone, currentDate: ANY_DAY }).next();
  } catch (cause) {
    return `expected a cron pattern such as 0 3 * * *, got ${JSON.stringify(pattern)}: ${(cause as Error).message}`;
  }
  if ([5, 6].includes(pattern.trim().split(/\s+/).length)) return undefined;
  return `expected five fields, or six with seconds first, got ${JSON.stringify(pattern)}`;
}

/** The last time at or before `now` at which the schedule wanted a dump; older than that, and the newest dump is late. */
export function previousRun(when: Schedule, now: Date): Date {
  if (when.kind === 'interval') return new Date(now.getTime() - when.everyMs);
  const runsFrom = (currentDate: Date) => CronExpressionParser.parse(when.pattern, { tz: when.timeZone, currentDate });
  // The parser looks strictly before its date.
  const justAfter = new Date(now.getTime() + 1);
  try {
    return runsFrom(justAfter).prev().toDate();
  } catch {
    // The parser cannot step back into an hour that the clocks have skipped, such as midnight in Santiago or Cairo in spring.
    // So it starts a day earlier and steps forward.
    const runs = runsFrom(new Date(justAfter.getTime() - 25 * 60 * 60 * 1000));
    let previous = runs.prev().toDate();
    for (const next of runs) {
      if (next.getTime() > now.getTime()) break;
      previous = next.toDate();
    }
    return previous;
  }
}

/**
 * The latest time for which the next run may be planned. `undefined` where the parser cannot tell: before the clocks of Lord
 * Howe Island change by half an hour.
 */
export function nextRunBy(when: Schedule, now: Date): Date | undefined {
  if (when.kind === 'interval') return new Date(now.getTime() + when.everyMs);
  try {
    return CronExpressionParser.parse(when.pattern, { tz: when.timeZone, currentDate: now }).next().toDate();
  } catch {
    return undefined;
  }
}

/** The next times after `from` at which the schedule wants a dump: `count` of them, or as many as `nextRunBy` can tell. */
export function nextRuns(when: Schedule, from: Date, count: number): readonly Date[] {
  const runs: Date[] = [];
  for (let next = nextRunBy(when, from); next !== undefined && runs.length < count; next = nextRunBy(when, next))
    runs.push(next);
  return runs;
}

function isTimeZone(name: string): boolean {
  try {
    Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}
