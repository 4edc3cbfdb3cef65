import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import type { FolderDestination } from '@pgstow/shared/contract/destination.ts';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';

/**
 * The file that says that a folder is a destination. It lies in the folder itself, so that the empty folder on which a disk or a
 * NAS is to be mounted does not have it. A person puts it there once; no worker does.
 */
export const MARKER = '.pgstow-destination';

/** @throws PermanentError if the folder is not there, or is not the one that was prepared */
export async function assertMounted({ name, folder }: FolderDestination): Promise<void> {
  if (await isFile(join(folder, MARKER))) return;
  const isThere = await lstat(folder).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return false;
      throw error;
    },
  );
  throw new PermanentError(
    isThere
      ? `the destination ${name} is not mounted at ${folder}: it has no file ${MARKER}`
      : `the destination ${name} is not mounted: there is no folder ${folder}`,
    {
      hint: `Mount it there. If it is mounted, and this is the right folder, run once: pgstow prepare ${name}`,
    },
  );
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isFile();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw error;
  }
}
