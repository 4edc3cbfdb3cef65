import { readDestinationVerdicts, type JudgedDestination } from '@pgstow/backups/read-destination-verdicts.ts';
import { isPinned } from '@pgstow/catalog/folder/is-pinned.ts';
import { readFolder } from '@pgstow/catalog/folder/read-folder.ts';
import type { Freeze, Verdict } from '@pgstow/catalog/policy/retention-policy.ts';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { BusyError, PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { uploadLockKey, withLock } from '@pgstow/shared/runtime/redis/lock.ts';
import type { UploadContext } from './context.ts';
import { deleteOrphan, deleteStored, type Deletion } from './delete-stored.ts';
import type { UploadDestination } from './upload-destination.ts';

export type PruneOptions = {
  /** Only this database; all unless given. */
  readonly database?: string;
  /** Most dumps to delete now; the rest goes within the hour. */
  readonly atMost?: number;
  readonly signal: AbortSignal;
};

/** Time after a refusal in which nothing is deleted at that destination: a lock of the store's may hold for years. */
const AFTER_REFUSAL_MS = 23 * 3600 * 1000;

/**
 * Deletes at a destination what its own retention policy releases, and nothing unless a person has set that policy. A refusal by the
 * store is an alarm, and deletions rest for a day.
 *
 * @throws as folder and store do, but for that refusal
 */
export async function pruneDestination(
  context: UploadContext,
  destination: UploadDestination,
  { database, atMost = Number.POSITIVE_INFINITY, signal }: PruneOptions,
): Promise<void> {
  const { keep, refusedAt } = destination;
  if (keep === undefined) return liftRefusals(context, destination);
  if (refusedAt.ms !== undefined && Date.now() - refusedAt.ms < AFTER_REFUSAL_MS) return;
  const judged = await readDestinationVerdicts(destination.store, {
    records: context.records,
    policy: {
      ...keep,
      timeZone: context.backup.timeZone,
      isTested: context.verify.schedule.kind !== 'off',
    },
    databases: database === undefined ? undefined : [database],
    remembered: destination.remembered,
    now: new Date(),
    signal,
  });
  for (const fault of judged.faults) context.log.warn(fault);
  let left = atMost;
  for (const [each, verdicts] of judged.verdicts) {
    const released = verdicts.filter(({ action }) => action === 'delete').slice(0, left);
    left -= released.length;
    if (!(await deleteReleased(context, destination, each, released, judged, signal))) return;
    noteFrozen(context, destination, each, judged.frozen.get(each));
  }
  for (const name of judged.orphans)
    await underLock(context, destination, name, signal, (held) => deleteOrphan(context, destination, name, held));
}

/** The setting was removed, perhaps because of a refusal: then there is nothing that could be refused. */
async function liftRefusals({ records, notifier }: UploadContext, { name }: UploadDestination): Promise<void> {
  const { dumps } = await readFolder(records);
  for (const database of new Set(dumps.map(({ manifest }) => manifest.database)))
    notifier.pruningAllowed(database, name);
}

/** @returns false once the store refuses */
async function deleteReleased(
  context: UploadContext,
  destination: UploadDestination,
  database: string,
  released: readonly Verdict[],
  { manifests }: JudgedDestination,
  signal: AbortSignal,
): Promise<boolean> {
  const { backup, catalog, notifier, log } = context;
  try {
    for (const { name, reason } of released) {
      const manifest = manifests.get(name);
      if (manifest === undefined) continue;
      const outcome = await underLock(context, destination, name, signal, async (held): Promise<Deletion | undefined> =>
        isPinned(backup.folder, name) ? undefined : deleteStored(context, destination, manifest, held),
      );
      if (outcome === undefined) continue;
      destination.remembered.delete(name);
      log.info({ name, destination: destination.name, reason }, DONE[outcome]);
      if (outcome === 'hidden')
        destination.warnOnce(
          `the bucket of ${destination.name} keeps versions: what pgstow deletes there stays below a delete marker and takes its room, until a lifecycle rule of the bucket drops it (NoncurrentVersionExpiration)`,
        );
    }
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    destination.refusedAt.ms = Date.now();
    notifier.pruningRefused(database, destination.name, error);
    return false;
  } finally {
    if (released.length > 0) catalog.publish();
  }
  destination.refusedAt.ms = undefined;
  notifier.pruningAllowed(database, destination.name);
  return true;
}

const DONE: Readonly<Record<Deletion, string>> = {
  deleted: 'deleted a dump at its destination',
  hidden: 'hid a dump at its destination below a delete marker: the bucket keeps versions',
  changed: 'left a dump at its destination alone: it is no longer what was judged',
};

/** The dump worker raises the alarm of what freezes the folder. */
function noteFrozen({ log }: UploadContext, { name }: UploadDestination, database: string, freeze: Freeze | undefined) {
  if (freeze !== undefined) log.info({ destination: name, database }, `nothing is deleted there: ${freeze.reason}`);
}

/** @returns undefined if an upload of that dump is under way */
async function underLock<T>(
  { scope, redis }: UploadContext,
  { name: destination }: UploadDestination,
  name: BackupName,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  try {
    return await withLock(redis, uploadLockKey(scope, name, destination), signal, work);
  } catch (error) {
    if (error instanceof BusyError) return undefined;
    throw error;
  }
}
