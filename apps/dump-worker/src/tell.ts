import { readWhatIsSafe } from '@pgstow/catalog/folder/read-what-is-safe.ts';
import type { Freeze } from '@pgstow/catalog/policy/retention-policy.ts';
import type { Alarm } from '@pgstow/notify/alarms/alarm-notification.ts';
import { liftSuspect, raiseSuspect, type Plausibility } from '@pgstow/notify/alarms/suspect-alarm.ts';
import type { Notifying } from '@pgstow/notify/start-notifying.ts';
import type { BackupConfig } from '@pgstow/shared/config/backup.ts';
import type { PostgresConfig } from '@pgstow/shared/config/postgres.ts';
import { parseBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { dumpResultSchema } from '@pgstow/shared/contract/jobs.ts';
import type { DestinationPlace } from '@pgstow/shared/contract/receipt.ts';
import type { EndedJob, FailedJob } from '@pgstow/shared/runtime/worker.ts';

type TellOptions = Notifying & {
  readonly postgres: PostgresConfig;
  readonly backup: BackupConfig;
  readonly destination: DestinationPlace | undefined;
};

type DumpSizeNews = {
  readonly name: BackupName;
  readonly isSuspect: boolean;
  /** Why it has shrunk though it counts, in words that go on after its name. */
  readonly shrunk: string | undefined;
};

/** Tells the world outside of dumps: the heartbeat's check, and by alarm. No dump waits for it. */
export class Tell {
  readonly #options: TellOptions;
  /** The dump that was begun last: the worker is at one job at a time. */
  #begun: { readonly jobId: string; readonly name: BackupName } | undefined;

  constructor(options: TellOptions) {
    this.#options = options;
  }

  dumpBegins(jobId: string, database: string, name: BackupName): void {
    this.#begun = { jobId, name };
    this.#options.heartbeat.starts(database, name);
  }

  readonly dumpEnds = ({ data, result, wantedSince }: EndedJob<'dump'>): void => {
    const { heartbeat, alarms, destination } = this.#options;
    const { name, suspect } = dumpResultSchema.parse(result);
    this.newestIs({ name, suspect, isAccepted: false });
    const at = parseBackupName(name)?.takenAt;
    // One that was there already proves nothing of today.
    if (at === undefined || at < toSecond(wantedSince)) return;
    if (suspect !== undefined) heartbeat.fails(data.target, name, `${name} is suspect: ${suspect}`);
    // With a destination, a dump counts once it is there: the upload worker tells.
    if (destination !== undefined) return;
    const recovery = { at, name, happened: `${name} was dumped and proven.` };
    for (const kind of ['dump-failed', 'upload-failed'] as const) alarms.lift(kind, data.target, recovery);
    if (suspect !== undefined) return;
    heartbeat.succeeds(data.target, name);
    alarms.lift('stale', data.target, recovery);
  };

  /** Has the alarm of a suspect dump raised or lifted by what a database's newest dump is. */
  newestIs(newest: Plausibility): void {
    const { alarms } = this.#options;
    if (newest.suspect === undefined) liftSuspect(alarms, newest);
    else this.#runWithSafe(parseBackupName(newest.name)?.database ?? '', (safe) => raiseSuspect(alarms, newest, safe));
  }

  /** Has the alarm of a dump that shrank, and counts, raised or lifted. A suspect one has an alarm of its own, and ends none. */
  sizeIs({ name, isSuspect, shrunk }: DumpSizeNews): void {
    const { database, takenAt } = parseBackupName(name) ?? {};
    if (database === undefined || takenAt === undefined || isSuspect) return;
    if (shrunk !== undefined) this.#raise({ kind: 'dump-shrunk', database, name, reason: shrunk, since: takenAt });
    else {
      const happened = `${name} was taken, and is of usual size.`;
      this.#options.alarms.lift('dump-shrunk', database, { at: takenAt, name, happened });
    }
  }

  readonly dumpFails = ({ id, data, message }: FailedJob<'dump'>): void => {
    const { postgres, heartbeat } = this.#options;
    // Anyone who may write to Redis can ask for any database.
    if (!postgres.databases.includes(data.target)) return;
    // Without a dump that was begun, the check is told of a run by the job alone.
    heartbeat.fails(data.target, this.#begun?.jobId === id ? this.#begun.name : id, message);
    this.#raise({ kind: 'dump-failed', database: data.target, reason: message, since: toSecond(new Date()) });
  };

  /** @param freeze why the retention policy lets nothing go */
  pruned(database: string, freeze: Freeze | undefined): void {
    const { alarms } = this.#options;
    // A bad restore test and a suspect dump raise alarms of their own, and delete nothing either.
    if (freeze?.by === 'restore-test' || freeze?.by === 'shrink') return;
    if (freeze === undefined) {
      alarms.lift('pruning-frozen', database, { at: new Date(), happened: 'Nothing holds old dumps back any more.' });
      return;
    }
    this.#raise({ kind: 'pruning-frozen', database, reason: freeze.reason, since: new Date() });
  }

  #raise(alarm: Omit<Alarm, 'safe'>): void {
    this.#runWithSafe(alarm.database, (safe) => this.#options.alarms.raise({ ...alarm, safe }));
  }

  #runWithSafe(database: string, raise: (safe: string) => void): void {
    const { backup, destination, background } = this.#options;
    background.run('raise an alarm', async () => raise(await readWhatIsSafe(backup.folder, database, destination)));
  }
}

/** Names of dumps tell no more. */
function toSecond(time: Date): Date {
  return new Date(Math.floor(time.getTime() / 1000) * 1000);
}
