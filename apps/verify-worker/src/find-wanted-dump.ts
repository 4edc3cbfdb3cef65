import { hasManifest, listBackups } from '@pgstow/backups/list-backups.ts';
import { manifestsAround } from '@pgstow/backups/manifests-around.ts';
import { allRecorded, findRecorded, readFolder, type KnownDump } from '@pgstow/catalog/folder/read-folder.ts';
import { isConfirmed } from '@pgstow/catalog/policy/is-confirmed.ts';
import { newestByNow, warnOfPassedOver } from '@pgstow/catalog/policy/newest-dump.ts';
import { decryptBy } from '@pgstow/postgres/age/age-text.ts';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { LOCAL } from '@pgstow/shared/contract/restore-test.ts';
import { PermanentError, RetryableError } from '@pgstow/shared/runtime/errors.ts';
import type { Task } from '@pgstow/shared/runtime/jobs/task.ts';
import type { Store } from '@pgstow/store/store.ts';
import { readStoredManifest } from '@pgstow/store/stored-manifest.ts';
import type { VerifyContext } from './context.ts';

/** A dump as it lies at a destination or in the backup folder. */
export type WantedDump = {
  readonly manifest: Manifest;
  readonly destination: string;
  /** `undefined` for the backup folder. */
  readonly store: Store | undefined;
  /** True if the place has said that it holds the dump. */
  readonly isConfirmed: boolean;
};

/**
 * Finds the dump that a job names, or the newest of its target that the destination has confirmed.
 *
 * @throws PermanentError if there is none; RetryableError if the destination could not be asked
 */
export async function findWantedDump({ data, signal }: Task<'verify'>, context: VerifyContext): Promise<WantedDump> {
  const { destination } = data;
  const store = destination === LOCAL ? undefined : findStore(context, destination);
  const { manifest, isConfirmed } =
    'name' in data
      ? await findNamed(context, data.name, store, signal)
      : await findNewest(context, data.target, store, signal);
  return { manifest, destination, store, isConfirmed };
}

type Found = Pick<WantedDump, 'manifest' | 'isConfirmed'>;

function findStore({ destinations }: VerifyContext, name: string): Store {
  const destination = destinations.get(name);
  if (destination !== undefined) return destination.store;
  const known = [LOCAL, ...destinations.keys()].join(', ');
  throw new PermanentError(`no destination ${name} is configured, only ${known}`, {
    hint: 'Set S3_BUCKET or COPY_DIR for the verify worker, and restart it.',
  });
}

async function findNamed(
  { backup: { folder }, identityFile }: VerifyContext,
  name: BackupName,
  store: Store | undefined,
  signal: AbortSignal,
): Promise<Found> {
  const dump = await findRecorded(folder, name);
  if (dump !== undefined) return { manifest: dump.manifest, isConfirmed: isAt(store)(dump) };
  const stored =
    store === undefined ? undefined : await readStoredManifest(store, name, signal, decryptBy(identityFile));
  if (stored !== undefined) return { manifest: stored, isConfirmed: true };
  throw new PermanentError(`there is no manifest of ${name}, neither in ${folder} nor at the destination`, {
    hint: 'Was it pruned, or is it no dump of this site?',
  });
}

async function findNewest(
  context: VerifyContext,
  target: string,
  store: Store | undefined,
  signal: AbortSignal,
): Promise<Found> {
  const { backup, records, identityFile, log } = context;
  const contents = await readFolder(records, { databases: [target] });
  const ours = (store === undefined ? contents.dumps : allRecorded(contents)).filter(isAt(store));
  const now = new Date();
  const newest = newestByNow(ours, now);
  const passedOver = warnOfPassedOver(ours, now);
  if (passedOver !== undefined) log.warn(passedOver);
  if (newest !== undefined) return findNamed(context, newest.manifest.name, store, signal);
  if (store !== undefined) {
    const { backups, faults } = await listBackups({
      folder: undefined,
      stores: [store],
      databases: [target],
      chooseManifests: manifestsAround(now),
      decrypt: decryptBy(identityFile),
      signal,
    });
    const stored = newestByNow(backups.filter(hasManifest).toReversed(), now)?.name;
    if (stored !== undefined) return findNamed(context, stored, store, signal);
    // The store may be away, or an upload under way.
    if (faults[0] !== undefined) throw new RetryableError(faults[0]);
  }
  throw new PermanentError(
    `there is no dump of ${JSON.stringify(target)} yet that ${store === undefined ? backup.folder : store.destination.name} holds`,
    { hint: 'The next restore test finds one, if a dump and its upload succeed.' },
  );
}

/** Tests whether a dump of the folder is known to lie at a place. */
function isAt(store: Store | undefined): (dump: KnownDump) => boolean {
  return (dump) => store === undefined || isConfirmed(dump, store.destination);
}
