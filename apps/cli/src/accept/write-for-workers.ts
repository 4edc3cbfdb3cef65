import { chown, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { folderError } from '@pgstow/catalog/folder/backup-folder.ts';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { manifestFileName } from '@pgstow/shared/contract/manifest.ts';
import { failure } from '../exit-codes.ts';

/**
 * Writes a record that concerns a dump, and gives it the owner of the dump's manifest, or of the folder where the dump lies elsewhere,
 * so that the workers can read it.
 *
 * @param write `undefined` if the record is there already
 * @throws ExitError if this user cannot do that
 */
export async function writeForWorkers(
  folder: string,
  name: BackupName,
  file: string,
  write: (() => Promise<void>) | undefined,
): Promise<void> {
  try {
    const { uid, gid } = await stat(join(folder, manifestFileName(name))).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      return stat(folder);
    });
    const own = process.getuid?.();
    if (own !== undefined && own !== 0 && own !== uid)
      throw failure(
        `${name} belongs to user ${uid}, and this is user ${own}: the workers could not read what this writes`,
        'Run it as the user that the dump worker runs as.',
      );
    await write?.();
    if (own === 0) await chown(join(folder, file), uid, gid);
  } catch (error) {
    throw folderError(error, folder);
  }
}
