import { parseBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { Alarms } from './alarms.ts';

/** What a database's newest dump is worth. */
export type Plausibility = {
  readonly name: BackupName;
  /** Why it is suspect, in words that go on after its name; `undefined` if it is not, or was accepted. */
  readonly suspect: string | undefined;
  readonly isAccepted: boolean;
};

/**
 * Has the alarm of a suspect dump raised, unless it stands.
 *
 * @param safe what backups of the database there are all the same, in a sentence
 */
export function raiseSuspect(
  alarms: Pick<Alarms, 'raise'>,
  { name, suspect }: Pick<Plausibility, 'name' | 'suspect'>,
  safe: string,
): void {
  const { database, takenAt } = parseBackupName(name) ?? {};
  if (suspect === undefined || database === undefined || takenAt === undefined) return;
  alarms.raise({ kind: 'dump-suspect', database, name, reason: suspect, safe, since: takenAt });
}

/** Ends it by that dump being accepted, or by a newer one that is not suspect. */
export function liftSuspect(alarms: Pick<Alarms, 'lift'>, { name, suspect, isAccepted }: Plausibility): void {
  const { database, takenAt } = parseBackupName(name) ?? {};
  if (suspect !== undefined || database === undefined || takenAt === undefined) return;
  const happened = isAccepted ? `${name} was accepted: it counts.` : `${name} was taken, and is not suspect.`;
  alarms.lift('dump-suspect', database, { at: takenAt, name, happened });
}
