import { findDump } from '@pgstow/catalog/read-folder.ts';
import { readWhatIsSafe } from '@pgstow/catalog/read-what-is-safe.ts';
import { badTestOf } from '@pgstow/catalog/retention-policy.ts';
import { tellRestoreTest } from '@pgstow/notify/restore-test-alarm.ts';
import type { Telling } from '@pgstow/notify/start-telling.ts';
import { parseBackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { DestinationPlace } from '@pgstow/shared/contract/receipt.ts';
import type { RestoreTest } from '@pgstow/shared/contract/restore-test.ts';

type TellOptions = Pick<Telling, 'alarms' | 'background'> & {
  readonly folder: string;
  readonly destination: DestinationPlace | undefined;
};

/** Has an alarm raised or lifted by what a restore test found. To be called once it is recorded; no test waits for it. */
export function tell({ folder, destination, alarms, background }: TellOptions, test: RestoreTest): void {
  const database = parseBackupName(test.name)?.database;
  if (database === undefined) return;
  background.run(`tell what came of the restore test of ${test.name}`, async () => {
    const dump = await findDump(folder, test.name);
    // A copy that is good makes no other copy of the same dump good.
    if (test.result === 'good' && dump !== undefined && badTestOf(dump) !== undefined) return;
    tellRestoreTest(alarms, test, await readWhatIsSafe(folder, database, destination));
  });
}
