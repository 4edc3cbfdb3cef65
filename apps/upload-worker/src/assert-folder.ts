import { access, constants } from 'node:fs/promises';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';

/** @throws PermanentError if the folder is not there or receipts cannot be written to it */
export async function assertFolder(folder: string): Promise<void> {
  try {
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new PermanentError(`the backup folder ${folder} cannot be read and written`, {
      hint: 'Create it, or set BACKUP_DIR; it is the one that the dump worker writes to, and belongs to the same user.',
      cause,
    });
  }
}
