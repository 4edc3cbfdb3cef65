import { backupNameSchema } from '@pgstow/shared/contract/backup-name.ts';
import { describeTarget, formatTarget, type Target } from '@pgstow/shared/contract/target.ts';
import { z } from 'zod';

/**
 * Kinds of alarm. There is at most one alarm of a kind and a database, and of a destination where it is about one; `site-silent` and
 * `targets-faulty` are of a whole site.
 */
export const alarmKinds = [
  'dump-failed',
  'dump-suspect',
  'dump-shrunk',
  'upload-failed',
  'restore-test-bad',
  'restore-test-failed',
  'restore-test-overdue',
  'stale',
  'pruning-frozen',
  'pruning-refused',
  'source-twice',
  'targets-faulty',
  'site-silent',
] as const;
export type AlarmKind = (typeof alarmKinds)[number];

/** Whether a kind of alarm is of a whole site, whose name then stands in place of a database's. */
export function isOfSite(kind: AlarmKind): boolean {
  return kind === 'site-silent' || kind === 'targets-faulty';
}

const severities = ['critical', 'error', 'warning', 'info'] as const;
export type Severity = (typeof severities)[number];

/** A message to people: what happened, what is still safe, and what to do. Plain text; each channel escapes it. */
export const notificationSchema = z.object({
  event: z.enum(['raised', 'recovered', 'test']),
  severity: z.enum(severities),
  /** Absent from a test, as is the database. A silent site has no database either. */
  kind: z.enum(alarmKinds).optional(),
  site: z.string(),
  /** Absent for the server of stack.env. */
  server: z.string().optional(),
  database: z.string().optional(),
  /** The destination that it is about, other than the bucket of `S3_BUCKET`. */
  destination: z.string().optional(),
  /** The dump in question, if there is one. */
  name: backupNameSchema.optional(),
  title: z.string(),
  happened: z.string(),
  safe: z.string(),
  /** The next step for a person. */
  hint: z.string(),
  /** UTC. */
  at: z.iso.datetime(),
});

export type Notification = Readonly<z.infer<typeof notificationSchema>>;

/** Long enough for an error with its context, short enough for every service once it is escaped. */
const LONGEST_HAPPENED = 1000;
const LONGEST_SENTENCE = 400;

/** Cuts all texts to lengths that every service takes. */
export function shorten(notification: Notification): Notification {
  return {
    ...notification,
    title: cut(notification.title.replaceAll(/\s+/g, ' '), 120),
    happened: cut(notification.happened, LONGEST_HAPPENED),
    safe: cut(notification.safe, LONGEST_SENTENCE),
    hint: cut(notification.hint, LONGEST_SENTENCE),
  };
}

export function bodyOf({ happened, safe, hint, site, at }: Notification): string {
  const where = site === 'default' ? '' : `, site ${site}`;
  return [happened, `Still safe: ${safe}`, `What to do: ${hint}`, `pgstow${where}, ${at}`].join('\n\n');
}

/** A target in a title and in commands. A database's odd name stands in quotes, so that it can pass for nothing else. */
export function showTarget({ server, database }: Target): string {
  const name = describeTarget(database);
  const shown = /^[\p{L}\p{N}_-]+$/u.test(name) ? name : JSON.stringify(name);
  return formatTarget({ server, database: shown });
}

/** @param length in code points */
function cut(text: string, length: number): string {
  const points = Array.from(text.toWellFormed());
  return points.length <= length ? points.join('') : `${points.slice(0, length - 1).join('')}…`;
}
