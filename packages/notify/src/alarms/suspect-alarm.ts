import { parseBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { Alarms } from './alarms.ts';

/** Whether a database's newest dump is suspect. */
export type Plausibility = {
  readonly name: BackupName;
  /** Why it is suspect, as words that follow its name; `undefined` if it is not, or was accepted. */
  readonly suspect: string | undefined;
  readonly isAccepted: boolean;
};

/**
 * Raises the alarm of a suspect dump, unless it stands.
 *
 * @param safe a sentence about the backups that the database has all the same
 */
export function raiseSuspect(
  alarms: Pick<Alarms, 'raise'>,
  { name, suspect }: Pick<Plausibility, 'name' | 'suspect'>,
  safe: string,
): void {
  if (suspect === undefined) return;
  const { database, takenAt } = parseBackupName(name);
  alarms.raise({ kind: 'dump-suspect', database, name, reason: suspect, safe, since: takenAt });
}

/** Ends the alarm if that dump was accepted, or a newer one is not suspect. */
export function liftSuspect(alarms: Pick<Alarms, 'lift'>, { name, suspect, isAccepted }: Plausibility): void {
  if (suspect !== undefined) return;
  const { database, takenAt } = parseBackupName(name);
  const happened = isAccepted ? `${name} was accepted: it counts.` : `${name} was taken, and is not suspect.`;
  alarms.lift('dump-suspect', database, { at: takenAt, name, happened });
}
