import { readTargets } from '@pgstow/catalog/folder/read-targets.ts';
import { readWhatIsSafe } from '@pgstow/catalog/folder/read-what-is-safe.ts';
import type { Records } from '@pgstow/catalog/folder/records.ts';
import type { Freeze } from '@pgstow/catalog/policy/retention-policy.ts';
import type { Alarm } from '@pgstow/notify/alarms/alarm-notification.ts';
import { liftSuspect, raiseSuspect, type Plausibility } from '@pgstow/notify/alarms/suspect-alarm.ts';
import type { Notifying } from '@pgstow/notify/start-notifying.ts';
import type { PostgresConfig } from '@pgstow/shared/config/subjects/postgres.ts';
import { parseBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { Destination } from '@pgstow/shared/contract/destination.ts';
import { dumpResultSchema } from '@pgstow/shared/contract/jobs.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { EVERY_DATABASE } from '@pgstow/shared/contract/target.ts';
import { describeFault } from '@pgstow/shared/runtime/errors.ts';
import type { EndedJob, FailedJob } from '@pgstow/shared/runtime/jobs/worker.ts';

type NotifierOptions = Notifying & {
  readonly postgres: PostgresConfig;
  readonly records: Records;
  readonly destinations: ReadonlyMap<string, Destination>;
};

const MOST_STARTED = 100;

/** Sends heartbeats, and raises and lifts the alarms of dumps. No dump waits for it, and none fails with it. */
export class Notifier {
  readonly #options: NotifierOptions;
  /** The dumps that were started last, by their jobs: one for each that may run at once, and a few more. */
  readonly #started = new Map<string, BackupName>();

  constructor(options: NotifierOptions) {
    this.#options = options;
  }

  dumpStarted(jobId: string, database: string, name: BackupName): void {
    this.#started.delete(jobId);
    this.#started.set(jobId, name);
    const [oldest] = this.#started.keys();
    if (this.#started.size > MOST_STARTED && oldest !== undefined) this.#started.delete(oldest);
    this.#options.heartbeat.starts(database, name);
  }

  /**
   * Raises or lifts the alarm of a dump that shrank and counts. A suspect one has its own alarm, and lifts none.
   *
   * @param shrunk why it has shrunk though it counts, in words that follow its name
   */
  dumpJudged({ name, suspect }: Pick<Manifest, 'name' | 'suspect'>, shrunk: string | undefined): void {
    if (suspect !== undefined) return;
    const { database, takenAt } = parseBackupName(name);
    if (shrunk !== undefined) this.#raise({ kind: 'dump-shrunk', database, name, reason: shrunk, since: takenAt });
    else {
      const happened = `${name} was taken, and is of usual size.`;
      this.#options.alarms.lift('dump-shrunk', database, { at: takenAt, name, happened });
    }
  }

  readonly dumpEnded = ({ data, result, wantedSince }: EndedJob<'dump'>): void => {
    const { heartbeat, alarms, destinations } = this.#options;
    if (data.target === EVERY_DATABASE) {
      const recovery = { at: new Date(), happened: 'The server has said which databases it has.' };
      alarms.lift('dump-failed', EVERY_DATABASE, recovery);
      return;
    }
    const { name, suspect } = dumpResultSchema.parse(result);
    this.newestJudged({ name, suspect, isAccepted: false });
    const at = parseBackupName(name).takenAt;
    // A dump that was there before the job proves nothing of today.
    if (at < toSecond(wantedSince)) return;
    if (suspect !== undefined) heartbeat.fails(data.target, name, `${name} is suspect: ${suspect}`);
    // The upload worker notifies of a dump that goes to a destination, where it counts once it is confirmed.
    if (destinations.size > 0) return;
    const recovery = { at, name, happened: `${name} was dumped and proven.` };
    for (const kind of ['dump-failed', 'upload-failed'] as const) alarms.lift(kind, data.target, recovery);
    if (suspect !== undefined) return;
    heartbeat.succeeds(data.target, name);
    alarms.lift('stale', data.target, recovery);
  };

  readonly dumpFailed = ({ id, data, failure }: FailedJob<'dump'>): void => {
    const { heartbeat } = this.#options;
    // Anyone who may write to Redis can ask for any database.
    if (!this.#isTarget(data.target)) return;
    // The job's id stands for a run that started no dump. A look at the server has no check of its own: without it, each is silent.
    if (data.target !== EVERY_DATABASE)
      heartbeat.fails(data.target, this.#started.get(id) ?? id, describeFault(failure));
    const { reason, hint } = failure;
    this.#raise({ kind: 'dump-failed', database: data.target, reason, hint, since: toSecond(new Date()) });
  };

  /** Raises or lifts the alarm of a suspect dump, by what a database's newest dump is worth. */
  newestJudged(newest: Plausibility): void {
    const { alarms } = this.#options;
    if (newest.suspect === undefined) liftSuspect(alarms, newest);
    else this.#runWithSafe(parseBackupName(newest.name).database, (safe) => raiseSuspect(alarms, newest, safe));
  }

  /** @param freeze why the retention policy lets nothing go */
  pruned(database: string, freeze: Freeze | undefined): void {
    const { alarms } = this.#options;
    // A bad restore test and a suspect dump have alarms of their own.
    if (freeze?.by === 'restore-test' || freeze?.by === 'shrink') return;
    if (freeze === undefined) {
      alarms.lift('pruning-frozen', database, { at: new Date(), happened: 'Nothing holds old dumps back any more.' });
      return;
    }
    this.#raise({ kind: 'pruning-frozen', database, reason: freeze.reason, since: new Date() });
  }

  #isTarget(target: string): boolean {
    const { records, postgres } = this.#options;
    if (target === EVERY_DATABASE) return postgres.patterns.length > 0;
    try {
      return readTargets(records, postgres).includes(target);
    } catch {
      // An alarm too many is better than none where that cannot be told.
      return true;
    }
  }

  #raise(alarm: Omit<Alarm, 'safe'>): void {
    this.#runWithSafe(alarm.database, (safe) => this.#options.alarms.raise({ ...alarm, safe }));
  }

  #runWithSafe(database: string, raise: (safe: string) => void): void {
    const { records, destinations, background } = this.#options;
    background.run('raise an alarm', async () =>
      raise(
        database === EVERY_DATABASE ? ALL_SAFE : await readWhatIsSafe(records, database, [...destinations.values()]),
      ),
    );
  }
}

const ALL_SAFE = 'every backup of before: none is deleted without a newer one, see pgstow status.';

/** A dump's name gives its time to the second. */
function toSecond(time: Date): Date {
  return new Date(Math.floor(time.getTime() / 1000) * 1000);
}
