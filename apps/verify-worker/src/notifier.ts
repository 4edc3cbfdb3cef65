import { findRecorded, readFolder } from '@pgstow/catalog/folder/read-folder.ts';
import { readWhatIsSafe } from '@pgstow/catalog/folder/read-what-is-safe.ts';
import type { Records } from '@pgstow/catalog/folder/records.ts';
import { badTestOf, whyFrozen } from '@pgstow/catalog/policy/retention-policy.ts';
import { describeWhatIsSafe } from '@pgstow/catalog/policy/what-is-safe.ts';
import { updateRestoreTestAlarms } from '@pgstow/notify/alarms/restore-test-alarm.ts';
import type { Notifying } from '@pgstow/notify/start-notifying.ts';
import type { BackupConfig } from '@pgstow/shared/config/subjects/backup.ts';
import { parseBackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { Destination } from '@pgstow/shared/contract/destination.ts';
import { restoreTestSchema, type RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import type { FailedJob } from '@pgstow/shared/runtime/jobs/worker.ts';

type NotifierOptions = Notifying & {
  readonly backup: BackupConfig;
  readonly records: Records;
  readonly destinations: ReadonlyMap<string, Destination>;
};

/** Raises and lifts the alarms of restore tests. No test waits for it, and none fails with it. */
export class Notifier {
  readonly #options: NotifierOptions;

  constructor(options: NotifierOptions) {
    this.#options = options;
  }

  /** Raises or lifts alarms by what a test found. Call it once that is recorded. */
  tested(test: RestoreTest): void {
    const { backup, records, alarms, background } = this.#options;
    const { database } = parseBackupName(test.name);
    background.run(`notify of the restore test of ${test.name}`, async () => {
      const dump = await findRecorded(backup.folder, test.name);
      // A good copy makes no other copy of the same dump good.
      if (test.result === 'good' && dump !== undefined && badTestOf(dump) !== undefined) return;
      if (test.isSealed === true && test.result === 'could-not-tell' && (await this.#isFrozenByTest(database))) return;
      updateRestoreTestAlarms(alarms, test, await readWhatIsSafe(records, database, this.#destinations));
    });
  }

  /** Raises an alarm for a test that failed for good without a verdict. */
  readonly testFailed = ({ data, failure }: FailedJob<'verify'>): void => {
    const { records, alarms, background } = this.#options;
    // `tested` has notified of it.
    if (restoreTestSchema.safeParse(failure.facts).data?.result === 'bad') return;
    const database = 'name' in data ? parseBackupName(data.name).database : data.target;
    background.run(`notify that a restore test of ${database} failed`, async () => {
      const { dumps: ours } = await readFolder(records, { databases: [database] });
      const dump = ours.findLast(({ manifest }) => !('name' in data) || manifest.name === data.name);
      // Anyone who may write to Redis can ask for a test of anything.
      if (dump === undefined) return;
      alarms.raise({
        kind: 'restore-test-failed',
        database,
        destination: data.destination,
        name: dump.manifest.name,
        reason: failure.reason,
        hint: failure.hint,
        safe: describeWhatIsSafe(ours, this.#destinations, new Date()),
        since: parseBackupName(dump.manifest.name).takenAt,
      });
    });
  };

  /** Whether a bad restore test still says what the backups of a database are worth. */
  async #isFrozenByTest(database: string): Promise<boolean> {
    const { dumps, damaged } = await readFolder(this.#options.records, { databases: [database] });
    return whyFrozen(dumps, new Date(), damaged.get(database))?.by === 'restore-test';
  }

  get #destinations(): readonly Destination[] {
    return [...this.#options.destinations.values()];
  }
}
