import { findDump, readFolder } from '@pgstow/catalog/folder/read-folder.ts';
import { readWhatIsSafe } from '@pgstow/catalog/folder/read-what-is-safe.ts';
import { dumpsOf } from '@pgstow/catalog/policy/dumps-of.ts';
import { badTestOf } from '@pgstow/catalog/policy/retention-policy.ts';
import { describeWhatIsSafe } from '@pgstow/catalog/policy/what-is-safe.ts';
import { updateRestoreTestAlarms } from '@pgstow/notify/alarms/restore-test-alarm.ts';
import type { Notifying } from '@pgstow/notify/start-notifying.ts';
import { parseBackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { DestinationPlace } from '@pgstow/shared/contract/receipt.ts';
import { BAD_FAILURE, type RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import type { FailedJob } from '@pgstow/shared/runtime/worker.ts';

type TellOptions = Pick<Notifying, 'alarms' | 'background'> & {
  readonly folder: string;
  readonly destination: DestinationPlace | undefined;
};

/** Has an alarm raised for a test that failed for good without a verdict. */
export function tellFailure(options: TellOptions, { data, message }: FailedJob<'verify'>): void {
  const { folder, destination, alarms, background } = options;
  // What is bad was told as that.
  if (message.startsWith(BAD_FAILURE)) return;
  const database = 'name' in data ? parseBackupName(data.name)?.database : data.target;
  if (database === undefined) return;
  background.run(`tell that a restore test of ${database} failed`, async () => {
    const { dumps } = await readFolder(folder);
    const ours = dumpsOf(database, dumps);
    const dump = ours.findLast(({ manifest }) => !('name' in data) || manifest.name === data.name);
    // Anyone who may write to Redis can ask for a test of anything.
    if (dump === undefined) return;
    alarms.raise({
      kind: 'restore-test-failed',
      database,
      name: dump.manifest.name,
      reason: message,
      safe: describeWhatIsSafe(ours, destination, new Date()),
      since: parseBackupName(dump.manifest.name)?.takenAt ?? new Date(dump.manifest.takenAt),
    });
  });
}

/** Has an alarm raised or lifted by what a restore test found. To be called once it is recorded; no test waits for it. */
export function tell({ folder, destination, alarms, background }: TellOptions, test: RestoreTest): void {
  const database = parseBackupName(test.name)?.database;
  if (database === undefined) return;
  background.run(`tell what came of the restore test of ${test.name}`, async () => {
    const dump = await findDump(folder, test.name);
    // A copy that is good makes no other copy of the same dump good.
    if (test.result === 'good' && dump !== undefined && badTestOf(dump) !== undefined) return;
    updateRestoreTestAlarms(alarms, test, await readWhatIsSafe(folder, database, destination));
  });
}
