import { readManifest } from '@pgstow/catalog/folder/read-records.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { LOCAL } from '@pgstow/shared/contract/restore-test.ts';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import type { Store } from '@pgstow/store/store.ts';
import { readStoredManifest } from '@pgstow/store/stored-manifest.ts';
import type { Backup, ListBackupsOptions } from './list-backups.ts';

/**
 * Reads the whole manifest of a backup, in the folder if it lies there; `undefined` if it has none.
 *
 * @throws PermanentError if it is no longer the one that was listed; as the store does
 */
export async function readBackupManifest(
  { name, manifest, places }: Backup,
  {
    folder,
    stores,
    decrypt,
    signal,
  }: Pick<ListBackupsOptions, 'decrypt'> & {
    readonly folder: string;
    readonly stores: readonly Store[];
    readonly signal: AbortSignal;
  },
): Promise<Manifest | undefined> {
  if (manifest === undefined) return undefined;
  const store = places.includes(LOCAL)
    ? undefined
    : stores.find(({ destination }) => places.includes(destination.name));
  const whole =
    store === undefined ? readManifest(folder, name) : await readStoredManifest(store, name, signal, decrypt);
  if (typeof whole === 'object' && whole.sha256 === manifest.sha256) return whole;
  throw new PermanentError(
    typeof whole === 'string' ? whole : `the manifest of ${name} has changed since it was listed`,
  );
}
