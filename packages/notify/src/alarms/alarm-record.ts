import { isBackupName } from '@pgstow/shared/contract/backup-name.ts';
import { z } from 'zod';
import { alarmKinds, events, severities } from '../notification.ts';

const notificationSchema = z.object({
  event: z.enum(events),
  severity: z.enum(severities),
  kind: z.enum(alarmKinds).optional(),
  site: z.string(),
  database: z.string().optional(),
  name: z.string().refine(isBackupName).optional(),
  title: z.string(),
  happened: z.string(),
  safe: z.string(),
  hint: z.string(),
  at: z.iso.datetime(),
});

/** An alarm that stands, as Redis keeps it. */
export const alarmRecordSchema = z.object({
  version: z.literal(1),
  kind: z.enum(alarmKinds),
  database: z.string(),
  raisedAt: z.iso.datetime(),
  /** Only what is newer ends it. */
  sinceMs: z.number(),
  /** Whether somebody took the notification. */
  isTold: z.boolean(),
  /** Until then somebody is about to send it. */
  tellingUntilMs: z.number(),
  notification: notificationSchema.transform((read) => ({
    ...read,
    kind: read.kind,
    database: read.database,
    name: read.name,
  })),
});

export type AlarmRecord = z.infer<typeof alarmRecordSchema>;

/** An attempt to tell takes no longer; if its process dies, another makes the next one. */
const TELLING_MS = 60_000;

/** What becomes of an alarm's record, and whether it is to be told now; `undefined`: it stays as it is. */
export type Change = { readonly record: AlarmRecord | undefined; readonly tell: boolean } | undefined;

/**
 * A new alarm is told. One that stands is not told again, unless nobody has taken it yet. What a clock that was ahead has dated
 * is from now: nothing would ever be newer.
 */
export function decideRaise(known: AlarmRecord | undefined, raised: AlarmRecord, nowMs: number): Change {
  const tellingUntilMs = nowMs + TELLING_MS;
  const sinceMs = Math.min(nowMs, Math.max(known?.sinceMs ?? 0, raised.sinceMs));
  if (known === undefined) return { record: { ...raised, sinceMs, tellingUntilMs }, tell: true };
  const raisedAt = Date.parse(known.raisedAt) > nowMs ? raised.raisedAt : known.raisedAt;
  if (mayTell(known, nowMs)) return { record: { ...raised, raisedAt, sinceMs, tellingUntilMs }, tell: true };
  return sinceMs === known.sinceMs ? undefined : { record: { ...known, raisedAt, sinceMs }, tell: false };
}

/** An alarm that nobody has taken is told again, by one process at a time. */
export function decideRetell(known: AlarmRecord | undefined, nowMs: number): Change {
  if (known === undefined || !mayTell(known, nowMs)) return undefined;
  return { record: { ...known, tellingUntilMs: nowMs + TELLING_MS }, tell: true };
}

/** The end of an alarm is told to those who were told of it. Any ends one that is dated from the future. */
export function decideLift(known: AlarmRecord | undefined, at: Date, nowMs: number): Change {
  if (known === undefined || (at.getTime() < known.sinceMs && known.sinceMs <= nowMs)) return undefined;
  return { record: undefined, tell: known.isTold || isBeingTold(known, nowMs) };
}

/** @param raisedAt of the alarm that was told: by now there may be another */
export function decideTold(known: AlarmRecord | undefined, raisedAt: string): Change {
  if (known === undefined || known.raisedAt !== raisedAt || known.isTold) return undefined;
  return { record: { ...known, isTold: true, tellingUntilMs: 0 }, tell: false };
}

function mayTell({ isTold, tellingUntilMs }: AlarmRecord, nowMs: number): boolean {
  return !isTold && !isBeingTold({ tellingUntilMs }, nowMs);
}

/** Whoever says so for longer than an attempt takes had a clock that was ahead. */
function isBeingTold({ tellingUntilMs }: Pick<AlarmRecord, 'tellingUntilMs'>, nowMs: number): boolean {
  return tellingUntilMs > nowMs && tellingUntilMs <= nowMs + TELLING_MS;
}
