import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { Alarms } from './alarms.ts';

export type Testing = {
  readonly database: string;
  /** Why restore tests are missing or come to no verdict; `undefined` if they do, or none is wanted. */
  readonly untestedReason: string | undefined;
  /** The newest confirmed backup. */
  readonly newest: BackupName | undefined;
  /** A sentence about the backups that the database has all the same. */
  readonly safe: string;
};

/** Raises or lifts the alarm of restore tests that have ceased, at each judgement of health. */
export function updateVerdictAgeAlarm(
  alarms: Pick<Alarms, 'raise' | 'lift'>,
  { database, untestedReason, newest, safe }: Testing,
  now: Date,
): void {
  if (untestedReason !== undefined)
    return alarms.raise({
      kind: 'restore-test-overdue',
      database,
      name: newest,
      reason: untestedReason,
      safe,
      since: now,
    });
  const happened = 'Restore tests of it come to a verdict as often as they should.';
  alarms.lift('restore-test-overdue', database, { at: now, name: newest, happened });
}
