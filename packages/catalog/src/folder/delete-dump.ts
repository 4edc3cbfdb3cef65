import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { manifestFileName, withheldManifestFileName } from '@pgstow/shared/contract/manifest.ts';
import { syncFolder } from '@pgstow/shared/runtime/atomic-file.ts';
import { isRecordBesideManifest } from './is-record-beside-manifest.ts';

/**
 * Deletes a dump. Its manifest is withheld first, so a crash half-way never leaves a record that counts without its dump. Then
 * the data, the other records and the manifest are deleted.
 */
export async function deleteDump(folder: string, name: BackupName): Promise<void> {
  // The type says so already; a deletion makes sure.
  if (!isBackupName(name)) throw new TypeError(`not a dump's name: ${String(name)}`);
  const withheld = join(folder, withheldManifestFileName(name));
  await rename(join(folder, manifestFileName(name)), withheld).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  });
  await syncFolder(folder);
  await rm(join(folder, name), { force: true });
  for (const file of await readdir(folder)) {
    if (file.startsWith(`${name}.`) && isRecordBesideManifest(file)) await rm(join(folder, file), { force: true });
  }
  await rm(withheld, { force: true });
  await syncFolder(folder);
}
