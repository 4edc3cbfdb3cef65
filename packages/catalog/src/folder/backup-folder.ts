import { existsSync } from 'node:fs';
import { access, constants, mkdir, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PermanentError, RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { whoami } from '@pgstow/shared/runtime/whoami.ts';
import prettyBytes from 'pretty-bytes';

/** The disk of the backup folder is full, or would be. */
export class NoSpaceError extends RetryableError {
  override readonly name = 'NoSpaceError';
}

/**
 * @param onHost the folder's path for a person, outside of a container
 * @throws PermanentError that says how to mend it
 */
export async function assertFolderWritable(folder: string, onHost = folder): Promise<void> {
  try {
    if (!(await stat(folder)).isDirectory()) throw new PermanentError(`BACKUP_DIR ${folder} is not a folder`);
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw folderError(error, folder, onHost);
  }
}

/** Makes the folder of a server below BACKUP_DIR, unless it is there. @throws PermanentError that says how to mend it */
export async function makeFolder(folder: string, onHost?: string): Promise<void> {
  await mkdir(folder).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
      throw folderError(error, dirname(folder), onHost && dirname(onHost));
  });
  await assertFolderWritable(folder, onHost);
}

/** @throws NoSpaceError if the dump would not fit, by `neededBytes` */
export async function assertRoom(folder: string, lastBytes: number | undefined, databaseBytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const needed = neededBytes(lastBytes, databaseBytes);
  if (free >= needed) return;
  throw new NoSpaceError(`${folder} has ${prettyBytes(free)} free, and the dump needs about ${prettyBytes(needed)}`, {
    hint: 'Free some space, or lower BACKUP_KEEP_LAST.',
  });
}

/** Free space that a dump needs: 1.5 times the last dump or, for the first, half the database's size on its server. */
export function neededBytes(lastBytes: number | undefined, databaseBytes: number): number {
  return lastBytes === undefined ? databaseBytes / 2 : lastBytes * 1.5;
}

/** Translates a fault of the file system into words that say what to do. Returns any other error as it is. */
export function folderError(error: unknown, folder: string, onHost = folder): unknown {
  const { code } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new NoSpaceError(`the disk of ${folder} is full`, {
        hint: 'Free some space, or lower BACKUP_KEEP_LAST.',
        cause: error,
      });
    case 'EACCES':
    case 'EPERM':
      return new PermanentError(`cannot write to ${folder} as user ${whoami()}`, {
        hint: `Let this user write there: chown -R ${whoami()} '${onHost}'`,
        cause: error,
      });
    case 'EROFS':
      return new PermanentError(`${folder} is on a read-only file system`, {
        hint: 'Mount it writable.',
        cause: error,
      });
    case 'ENOENT':
      if (existsSync(folder)) {
        return new RetryableError(`a file of the dump is gone from ${folder}: somebody else removed it`, {
          cause: error,
        });
      }
      return new PermanentError(`${folder} does not exist`, { hint: 'Create it, or set BACKUP_DIR.', cause: error });
    case undefined:
    default:
      return error;
  }
}

/** The same for a process that only reads there. */
export function unreadableFolder(error: unknown, folder: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'EACCES' && code !== 'EPERM') return folderError(error, folder);
  return new PermanentError(`user ${whoami()} may not read ${folder}`, {
    hint: 'Run it as the user that the dump worker runs as.',
    cause: error,
  });
}
