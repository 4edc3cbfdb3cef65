import { isConfirmed } from '@pgstow/catalog/is-confirmed.ts';
import { readFolder, type KnownDump } from '@pgstow/catalog/read-folder.ts';
import { describeWhatIsSafe } from '@pgstow/catalog/what-is-safe.ts';
import type { Telling } from '@pgstow/notify/start-telling.ts';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { S3Config } from '@pgstow/shared/config/s3.ts';
import type { Log } from '@pgstow/shared/runtime/log.ts';
import type { EndedJob, FailedJob } from '@pgstow/shared/runtime/worker.ts';

type TellOptions = Telling & {
  readonly folder: string;
  readonly s3: S3Config | undefined;
  readonly log: Log;
};

/** Tells the world outside of uploads: the heartbeat's check, and by alarm. No upload waits for it. */
export class Tell {
  readonly #options: TellOptions;

  constructor(options: TellOptions) {
    this.#options = options;
  }

  readonly uploadEnds = ({ data }: EndedJob<'upload'>): void => {
    const { heartbeat, alarms } = this.#options;
    this.#find(data.name, (dump, dumps) => {
      const { name, database, takenAt } = dump.manifest;
      // An older one that is made up for says nothing of the last night.
      if (dump === dumps.at(-1)) heartbeat.succeeds(database, name);
      const recovery = {
        at: new Date(takenAt),
        name,
        happened: `${name} was dumped, and ${data.destination} has confirmed it.`,
      };
      for (const kind of ['dump-failed', 'upload-failed', 'stale'] as const) alarms.lift(kind, database, recovery);
    });
  };

  readonly uploadFails = ({ data, message }: FailedJob<'upload'>): void => {
    const { heartbeat, alarms, s3, log } = this.#options;
    const place = s3?.place;
    // Anyone who may write to Redis can ask for any destination.
    if (place !== undefined && data.destination !== place.name) return;
    this.#find(data.name, (dump, dumps) => {
      const { name, database, takenAt } = dump.manifest;
      const newer = place && dumps.slice(dumps.indexOf(dump) + 1).find((each) => isConfirmed(each, place));
      if (newer !== undefined) {
        log.warn(
          { name, newer: newer.manifest.name },
          'an upload failed for good, and raises no alarm: a newer dump is confirmed',
        );
        return;
      }
      heartbeat.fails(database, name, message);
      const safe = describeWhatIsSafe(dumps, place, new Date());
      alarms.raise({ kind: 'upload-failed', database, name, reason: message, safe, since: new Date(takenAt) });
    });
  };

  /** Calls `tell` with the dump and all of its database, if the folder holds it. */
  #find(name: BackupName, tell: (dump: KnownDump, dumps: readonly KnownDump[]) => void): void {
    const { folder, background } = this.#options;
    background.run(`tell how the upload of ${name} ended`, async () => {
      const { dumps } = await readFolder(folder);
      const dump = dumps.find(({ manifest }) => manifest.name === name);
      // Anyone who may write to Redis can ask for any name.
      if (dump === undefined) return;
      const { database } = dump.manifest;
      tell(
        dump,
        dumps.filter(({ manifest }) => manifest.database === database),
      );
    });
  }
}
