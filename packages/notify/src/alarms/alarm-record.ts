import { z } from 'zod';
import { alarmKinds, notificationSchema } from '../notification.ts';

/** A standing alarm as Redis keeps it. */
export const alarmRecordSchema = z.object({
  version: z.literal(1),
  kind: z.enum(alarmKinds),
  /** Absent for the server of stack.env. */
  server: z.string().optional(),
  database: z.string(),
  destination: z.string().optional(),
  raisedAt: z.iso.datetime(),
  /** Only a newer event ends it. */
  sinceMs: z.number(),
  /** Whether an endpoint has taken the notification. */
  isTold: z.boolean(),
  /** Until then a process is sending it. */
  tellingUntilMs: z.number(),
  /** As the alarm was raised with it. Absent in records of an earlier version. */
  reason: z.string().optional(),
  notification: notificationSchema,
});

export type AlarmRecord = z.infer<typeof alarmRecordSchema>;

/** Longest attempt to send. If its process dies, another one makes the next attempt. */
const SENDING_MS = 60_000;

/** The new record of an alarm, and whether to send its notification now; `undefined`: no change. */
export type Change = { readonly record: AlarmRecord | undefined; readonly isToSend: boolean } | undefined;

/**
 * Sends a new alarm. Sends a standing alarm again only if no endpoint has taken it yet. A time in the future, from a clock that
 * was ahead, counts as now: nothing would ever be newer.
 */
export function decideRaise(known: AlarmRecord | undefined, raised: AlarmRecord, nowMs: number): Change {
  const tellingUntilMs = nowMs + SENDING_MS;
  const sinceMs = Math.min(nowMs, Math.max(known?.sinceMs ?? 0, raised.sinceMs));
  if (known === undefined) return { record: { ...raised, sinceMs, tellingUntilMs }, isToSend: true };
  const raisedAt = Date.parse(known.raisedAt) > nowMs ? raised.raisedAt : known.raisedAt;
  if (maySend(known, nowMs)) return { record: { ...raised, raisedAt, sinceMs, tellingUntilMs }, isToSend: true };
  return sinceMs === known.sinceMs ? undefined : { record: { ...known, raisedAt, sinceMs }, isToSend: false };
}

/** Sends an alarm again that no endpoint has taken, by one process at a time. */
export function decideResend(known: AlarmRecord | undefined, nowMs: number): Change {
  if (known === undefined || !maySend(known, nowMs)) return undefined;
  return { record: { ...known, tellingUntilMs: nowMs + SENDING_MS }, isToSend: true };
}

/** Ends an alarm, and sends that if its beginning was sent. Any event ends an alarm with a time in the future. */
export function decideLift(known: AlarmRecord | undefined, at: Date, nowMs: number): Change {
  if (known === undefined || (at.getTime() < known.sinceMs && known.sinceMs <= nowMs)) return undefined;
  return { record: undefined, isToSend: known.isTold || isBeingSent(known, nowMs) };
}

/** @param raisedAt of the alarm that was sent: by now there may be another */
export function decideSent(known: AlarmRecord | undefined, raisedAt: string): Change {
  if (known === undefined || known.raisedAt !== raisedAt || known.isTold) return undefined;
  return { record: { ...known, isTold: true, tellingUntilMs: 0 }, isToSend: false };
}

function maySend({ isTold, tellingUntilMs }: AlarmRecord, nowMs: number): boolean {
  return !isTold && !isBeingSent({ tellingUntilMs }, nowMs);
}

/** A time beyond the longest attempt is from a clock that was ahead. */
function isBeingSent({ tellingUntilMs }: Pick<AlarmRecord, 'tellingUntilMs'>, nowMs: number): boolean {
  return tellingUntilMs > nowMs && tellingUntilMs <= nowMs + SENDING_MS;
}
