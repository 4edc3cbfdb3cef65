import { readdir } from 'node:fs/promises';
import { findDumpOutline, readFolder } from '@pgstow/catalog/folder/read-folder.ts';
import type { Records } from '@pgstow/catalog/folder/records.ts';
import { isConfirmed, isConfirmedEverywhere } from '@pgstow/catalog/policy/is-confirmed.ts';
import { newestByNow } from '@pgstow/catalog/policy/newest-dump.ts';
import { isSuspect } from '@pgstow/catalog/policy/suspect-dump.ts';
import { describeWhatIsSafe } from '@pgstow/catalog/policy/what-is-safe.ts';
import type { Notifying } from '@pgstow/notify/start-notifying.ts';
import type { BackupConfig } from '@pgstow/shared/config/subjects/backup.ts';
import { DESTINATION_NAMES } from '@pgstow/shared/config/subjects/destinations.ts';
import { isBackupName, parseBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { Destination } from '@pgstow/shared/contract/destination.ts';
import { manifestFileName } from '@pgstow/shared/contract/manifest.ts';
import { describeFault, type PermanentError } from '@pgstow/shared/runtime/errors.ts';
import type { EndedJob, FailedJob } from '@pgstow/shared/runtime/jobs/worker.ts';
import type { Log } from '@pgstow/shared/runtime/log/log.ts';

type NotifierOptions = Notifying & {
  readonly backup: BackupConfig;
  readonly records: Records;
  readonly destinations: ReadonlyMap<string, Destination>;
  readonly log: Log;
};

/** Sends heartbeats, and raises and lifts the alarms of uploads. No upload waits for it, and none fails with it. */
export class Notifier {
  readonly #options: NotifierOptions;
  /** Destinations that refuse to delete, by database. */
  readonly #refusing = new Map<string, Set<string>>();

  constructor(options: NotifierOptions) {
    this.#options = options;
  }

  readonly uploadEnded = ({ data }: EndedJob<'upload'>): void => {
    const { backup, records, destinations, heartbeat, alarms, background } = this.#options;
    background.run(`notify that ${data.name} was uploaded`, async () => {
      const dump = await findDumpOutline(records, data.name);
      // It was pruned meanwhile: then there are newer ones.
      if (dump === undefined) return;
      const { name, database, takenAt } = dump.manifest;
      const happened = `${name} was dumped, and ${data.destination} has confirmed it.`;
      const recovery = { at: new Date(takenAt), name, happened };
      alarms.lift('dump-failed', database, recovery);
      alarms.lift('upload-failed', database, { ...recovery, destination: data.destination });
      if (isSuspect(dump) || !isConfirmedEverywhere(dump, [...destinations.values()])) return;
      // An older dump that was uploaded late says nothing of the last night.
      if (await isNewest(backup.folder, name)) heartbeat.succeeds(database, name);
      alarms.lift('stale', database, recovery);
    });
  };

  readonly uploadFailed = ({ data, failure }: FailedJob<'upload'>): void => {
    const { records, destinations, heartbeat, alarms, background, log } = this.#options;
    const destination = destinations.get(data.destination);
    // Anyone who may write to Redis can ask for any destination. Without one, uploads are still asked for by this name.
    if (destination === undefined && (destinations.size > 0 || data.destination !== DESTINATION_NAMES.s3)) return;
    background.run(`notify that the upload of ${data.name} failed`, async () => {
      const databases = [parseBackupName(data.name).database];
      const { dumps } = await readFolder(records, { databases });
      const dump = dumps.find(({ manifest }) => manifest.name === data.name);
      // The same for any dump.
      if (dump === undefined) return;
      const { name, database, takenAt } = dump.manifest;
      const newer =
        destination &&
        dumps.slice(dumps.indexOf(dump) + 1).find((each) => isConfirmed(each, destination) && !isSuspect(each));
      if (newer !== undefined) {
        log.warn(
          { name, newer: newer.manifest.name },
          'an upload failed for good, and raises no alarm: a newer dump is confirmed',
        );
        return;
      }
      heartbeat.fails(database, name, describeFault(failure));
      const { reason, hint } = failure;
      const safe = describeWhatIsSafe(dumps, [...destinations.values()], new Date());
      const about = { database, destination: data.destination, name };
      alarms.raise({ kind: 'upload-failed', ...about, reason, hint, safe, since: new Date(takenAt) });
    });
  };

  /** Raises the alarm of a destination that refuses to delete: once, as it would refuse each deletion. */
  pruningRefused(database: string, destination: string, { message, hint }: PermanentError): void {
    const { records, destinations, alarms, background } = this.#options;
    const refusing = this.#refusing.get(database) ?? new Set();
    this.#refusing.set(database, refusing.add(destination));
    background.run('notify that a deletion was refused', async () => {
      const { dumps } = await readFolder(records, { databases: [database] });
      const safe = describeWhatIsSafe(dumps, [...destinations.values()], new Date());
      alarms.raise({ kind: 'pruning-refused', database, reason: message, hint, safe, since: new Date() });
    });
  }

  /** Ends that alarm once no destination refuses. */
  pruningAllowed(database: string, destination: string): void {
    const refusing = this.#refusing.get(database);
    refusing?.delete(destination);
    if (refusing !== undefined && refusing.size > 0) return;
    const happened = 'No destination refuses to delete any more.';
    this.#options.alarms.lift('pruning-refused', database, { at: new Date(), happened });
  }
}

/** Judges by the names alone: there may be thousands of records. */
async function isNewest(folder: string, name: BackupName): Promise<boolean> {
  const names = new Set(await readdir(folder));
  const { database } = parseBackupName(name);
  const dumps = [...names].filter(isBackupName).filter((other) => names.has(manifestFileName(other)));
  const ours = dumps.sort().flatMap((other) => {
    const parts = parseBackupName(other);
    return parts.database === database ? [{ manifest: { name: other, takenAt: parts.takenAt.toISOString() } }] : [];
  });
  return newestByNow(ours, new Date())?.manifest.name === name;
}
