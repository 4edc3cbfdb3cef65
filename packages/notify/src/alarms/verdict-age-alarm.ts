import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { Alarms } from './alarms.ts';

export type Testing = {
  readonly database: string;
  /** Why restore tests of it are not made as they should be, or come to nothing; `undefined` if they are, or are not wanted. */
  readonly untestedReason: string | undefined;
  /** The newest confirmed backup. */
  readonly newest: BackupName | undefined;
  /** What backups of the database there are all the same, in a sentence. */
  readonly safe: string;
};

/** Raises or lifts the alarm of restore tests that have ceased. For whoever judges health, again and again. */
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
