import { parseBackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import type { Alarms } from './alarms.ts';

/**
 * Raises or lifts the alarms of a database's restore tests by the result of one. A good result ends the alarm of a bad one if its
 * dump is as new. Either verdict ends the alarm of tests without one. A test that could not tell changes nothing, unless it proved
 * all that it can without an identity: then it ends both. Call it for that only if no bad test stands.
 *
 * @param safe a sentence about the backups that the database has all the same
 */
export function updateRestoreTestAlarms(alarms: Pick<Alarms, 'raise' | 'lift'>, test: RestoreTest, safe: string): void {
  const { name, destination, result } = test;
  const { database, takenAt } = parseBackupName(name);
  if (result === 'bad') {
    const more = test.differenceCount > 1 ? `, and ${test.differenceCount - 1} more` : '';
    const difference = test.differences[0] === undefined ? '' : ` (${test.differences[0]}${more})`;
    const reason = `${test.reason ?? 'it differs from its manifest'}${difference}, as it lies at ${destination}`;
    alarms.raise({ kind: 'restore-test-bad', database, name, reason, safe, since: takenAt });
  }
  const isProvenSealed = test.isSealed === true && result === 'could-not-tell';
  if (result !== 'could-not-tell' || isProvenSealed) {
    const happened = `The restore test of ${name}, as it lies at ${destination}, ${isProvenSealed ? 'proved what can be proven without an identity' : 'came to a verdict'}.`;
    alarms.lift('restore-test-failed', database, { at: takenAt, name, happened, destination });
  }
  if (result === 'good' || isProvenSealed)
    alarms.lift('restore-test-bad', database, {
      at: takenAt,
      name,
      happened: isProvenSealed
        ? happenedSealed(test)
        : test.acceptedAt === undefined
          ? `${name} was restored from ${destination}, and equals its manifest.`
          : describeAccepted(name),
    });
}

function happenedSealed({ name, destination }: RestoreTest): string {
  return `${name} lies at ${destination} as its manifest says; no identity is there to restore it.`;
}

/** Ends the alarm of a bad restore test that a person's word has made good since. */
export function liftAcceptedTest(
  alarms: Pick<Alarms, 'lift'>,
  { name, result, acceptedAt }: Pick<RestoreTest, 'name' | 'result' | 'acceptedAt'>,
): void {
  if (result !== 'good' || acceptedAt === undefined) return;
  const { database, takenAt } = parseBackupName(name);
  alarms.lift('restore-test-bad', database, { at: takenAt, name, happened: describeAccepted(name) });
}

function describeAccepted(name: string): string {
  return `${name} restores, and what differs from its manifest was accepted.`;
}
