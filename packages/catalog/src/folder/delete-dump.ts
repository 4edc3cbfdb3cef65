import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { manifestFileName, withheldManifestFileName } from '@pgstow/shared/contract/manifest.ts';
import { syncFolder } from '@pgstow/shared/runtime/atomic-file.ts';
import { dumpOf, isRecordBesideManifest } from './is-record-beside-manifest.ts';

/**
 * Deletes a dump, or several at once. Their manifests are withheld first, so a crash
 * half-way never leaves a record that counts without its dump. Then the data, the other records and the manifests are deleted.
 */
export async function deleteDump(folder: string, ...names: readonly BackupName[]): Promise<void> {
  for (const name of names) {
    // The type says so already; a deletion makes sure.
    if (!isBackupName(name)) throw new TypeError(`not a dump's name: ${String(name)}`);
    await rename(join(folder, manifestFileName(name)), join(folder, withheldManifestFileName(name))).catch(ignoreGone);
  }
  await syncFolder(folder);
  for (const name of names) await rm(join(folder, name), { force: true });
  const deleted = new Set<string>(names);
  for (const file of await readdir(folder)) {
    if (isRecordBesideManifest(file) && deleted.has(dumpOf(file))) await rm(join(folder, file), { force: true });
  }
  for (const name of names) await rm(join(folder, withheldManifestFileName(name)), { force: true });
  await syncFolder(folder);
}

function ignoreGone(error: unknown): void {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
