import { randomUUID } from 'node:crypto';
import { lstat, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { FolderDestination } from '@pgstow/shared/contract/destination.ts';
import { writeFileAtomically } from '@pgstow/shared/runtime/atomic-file.ts';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { translateFolderError } from './folder-fault.ts';
import { MARKER } from './folder-marker.ts';
import { mediumOf } from './folder-medium.ts';

export type PrepareOptions = {
  /** A copy on its disk is lost with it. */
  readonly backupFolder: string;
  /** Whether a folder on the disk of the backup folder will do. */
  readonly mayShareDisk: boolean;
};

/**
 * Marks a folder as a destination, once. Only a person knows that what lies there is the disk that is meant.
 *
 * @returns false if it was marked before
 * @throws PermanentError that says what to mend
 */
export async function prepareFolder(
  destination: FolderDestination,
  { backupFolder, mayShareDisk }: PrepareOptions,
): Promise<boolean> {
  const { name, folder } = destination;
  try {
    const stats = await stat(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      throw new PermanentError(`there is no folder ${folder}`, {
        hint: 'Mount the disk or the NAS, and make the folder.',
      });
    });
    if (!stats.isDirectory()) throw new PermanentError(`${folder} is not a folder`);
    await assertApart(folder, backupFolder);
    if (!mayShareDisk && (await mediumOf(folder, backupFolder)) === 'same-disk')
      throw new PermanentError(`${folder} is on the same disk as the backup folder, and is lost with it`, {
        hint: `If another disk is to be there, mount it first. If this is what you want: pgstow prepare ${name} --same-disk`,
      });
    const marker = join(folder, MARKER);
    const isMarked = await lstat(marker).then(
      (found) => found.isFile(),
      () => false,
    );
    if (isMarked) return false;
    const content = { version: 1, id: randomUUID(), destination: name, preparedAt: new Date().toISOString() };
    await writeFileAtomically(marker, `${JSON.stringify(content, undefined, 2)}\n`);
    return true;
  } catch (error) {
    throw translateFolderError(error, `prepare ${folder}`, destination);
  }
}

/** Two folders of which one is in the other are one place, whatever they are called. */
async function assertApart(folder: string, backupFolder: string): Promise<void> {
  const [theirs, ours] = await Promise.all([realpath(folder), realpath(backupFolder)]);
  if (!`${theirs}/`.startsWith(`${ours}/`) && !`${ours}/`.startsWith(`${theirs}/`)) return;
  throw new PermanentError(`${folder} and the backup folder ${backupFolder} are in one another`, {
    hint: 'Name a folder on another disk.',
  });
}
