import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { Alarms } from './alarms.ts';

export type Freshness = {
  readonly database: string;
  /** Why there is no confirmed backup in time; `undefined`: there is one. */
  readonly staleReason: string | undefined;
  /** The newest confirmed backup. */
  readonly newest: BackupName | undefined;
  /** What backups of the database there are all the same, in a sentence. */
  readonly safe: string;
};

/** A database that was just added gets its first dump, and its upload, within that time. */
const FIRST_DUMP_MS = 60 * 60 * 1000;

/**
 * Raises or lifts the alarm of a database without a backup in time. For whoever judges health, again and again.
 *
 * @param watchedSince since when it is judged: a database that was never backed up is no alarm in its first hour
 */
export function updateStaleAlarm(
  alarms: Pick<Alarms, 'raise' | 'lift'>,
  { database, staleReason, newest, safe }: Freshness,
  watchedSince: Date,
  now: Date,
): void {
  if (staleReason === undefined) {
    const happened = `Its newest confirmed backup${newest === undefined ? '' : `, ${newest},`} is in time again.`;
    alarms.lift('stale', database, { at: now, name: newest, happened });
    return;
  }
  if (newest === undefined && now.getTime() - watchedSince.getTime() < FIRST_DUMP_MS) return;
  alarms.raise({ kind: 'stale', database, reason: staleReason, safe, since: now });
}
