import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { Alarms } from './alarms.ts';

export type Freshness = {
  readonly database: string;
  /** Why there is no confirmed backup in time; `undefined`: there is one. */
  readonly staleReason: string | undefined;
  /** The newest confirmed backup. */
  readonly newest: BackupName | undefined;
  /** A sentence about the backups that the database has all the same. */
  readonly safe: string;
};

/** Time for the first dump of a new database, and its upload. */
const FIRST_DUMP_MS = 60 * 60 * 1000;

/**
 * Raises or lifts the alarm of a database without a backup in time, at each judgement of its health.
 *
 * @param watchedSince when judging began: a database without a backup raises no alarm in its first hour
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
