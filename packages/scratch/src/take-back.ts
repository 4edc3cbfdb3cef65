import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/**
 * Gives a folder of a scratch server's user back to root, and shuts all others out: whoever still runs as that user can no
 * longer put a link where we are about to remove. A link in the folder's place stays as it is, and so does what it leads to.
 */
export async function takeBack(folder: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
  const handle = await open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW).catch((error: NodeJS.ErrnoException) => {
    // Gone, or no folder: nothing lies in it.
    if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(error.code ?? '')) return undefined;
    throw error;
  });
  if (handle === undefined) return;
  try {
    await handle.chown(0, 0);
    await handle.chmod(0o700);
  } finally {
    await handle.close();
  }
}
