import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/**
 * Gives a folder of a scratch server's user back to root, and shuts all others out. Processes of that user can then put no
 * link where root is about to remove. A link in place of the folder is left alone, with all behind it.
 */
export async function takeBack(folder: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
  try {
    await using handle = await open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    await handle.chown(0, 0);
    await handle.chmod(0o700);
  } catch (error) {
    // It is gone, or is no folder: there is nothing to take back.
    if (!['ENOENT', 'ENOTDIR', 'ELOOP'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}
