import { randomBytes } from 'node:crypto';
import { lstat, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/** The ending of every file that is not whole yet. */
export const PARTIAL = '.partial';

/** Writes a small file whole or not at all: a partial, fsync, rename, fsync of the folder. Mode 0600. */
export async function writeFileAtomically(path: string, content: string): Promise<void> {
  // The random name keeps writers apart, and one that a crash left is in no one's way.
  const partial = `${path}.${randomBytes(4).toString('hex')}${PARTIAL}`;
  try {
    await writeSynced(partial, content);
    await promoteFile(partial, path);
  } catch (cause) {
    await rm(partial, { force: true });
    throw cause;
  }
}

async function writeSynced(path: string, content: string): Promise<void> {
  await using file = await open(path, 'wx', 0o600);
  await file.writeFile(content);
  await file.sync();
}

/** Gives a finished file its name, and syncs the folder so that the name outlasts a power cut. */
export async function promoteFile(partial: string, path: string): Promise<void> {
  await rename(partial, path);
  await syncFolder(dirname(path));
}

/** Answers of file systems that cannot sync a folder: SMB and some of FUSE. The file itself is written all the same. */
const CANNOT_SYNC: ReadonlySet<unknown> = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/**
 * Makes renames and deletions in a folder outlast a power cut, where its file system can.
 *
 * @returns whether it can
 */
export async function syncFolder(path: string): Promise<boolean> {
  await using folder = await open(path, 'r');
  try {
    await folder.sync();
    return true;
  } catch (error) {
    if (CANNOT_SYNC.has((error as NodeJS.ErrnoException).code)) return false;
    throw error;
  }
}

/** Looks whether anything has that name, even a symbolic link that leads nowhere. */
export async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
