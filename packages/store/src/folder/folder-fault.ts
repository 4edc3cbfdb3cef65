import type { FolderDestination } from '@pgstow/shared/contract/destination.ts';
import { PermanentError, RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { whoami } from '@pgstow/shared/runtime/whoami.ts';

/** Translates an error of the file system into one of the kinds that `Store` names. Returns any other error as it is. */
export function translateFolderError(error: unknown, action: string, destination: FolderDestination): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === undefined || error instanceof PermanentError || error instanceof RetryableError) return error;
  const text = `${action}: ${code}: ${message.replace(/^[A-Z0-9]+: /, '')}`;
  const permanent = permanentHint(code, destination);
  return permanent === undefined
    ? new RetryableError(text, { hint: passingHint(code, destination), cause: error })
    : new PermanentError(text, { hint: permanent, cause: error });
}

/** Says what a person is to mend; `undefined` if time may mend it. */
function permanentHint(code: string, { folder }: FolderDestination): string | undefined {
  switch (code) {
    case 'ENOSPC':
      return `The disk of ${folder} is full. Make room there; uploads go on by themselves within the hour.`;
    case 'EDQUOT':
      return `The quota of user ${whoami()} at ${folder} is used up. Raise it, or make room there.`;
    case 'EROFS':
      return `${folder} is mounted read-only, as a disk is after an error. See what the kernel says (dmesg), and mount it for writing.`;
    case 'EACCES':
    case 'EPERM':
      return `Let user ${whoami()} read and write in ${folder}: chown it, or see the options of the mount.`;
    case 'EFBIG':
      return `The file system of ${folder} takes no file this large, as FAT takes none of 4 GiB. Use another one there.`;
    case 'ENAMETOOLONG':
    case 'EILSEQ':
      return `The file system of ${folder} does not take this name. Use another one there.`;
    case 'ENOENT':
    case 'ENOTDIR':
      return `Something of ${folder} is gone, or it was unmounted meanwhile. Mount it there.`;
    default:
      return undefined;
  }
}

function passingHint(code: string, { folder }: FolderDestination): string | undefined {
  switch (code) {
    case 'ESTALE':
      return `The host that ${folder} is mounted from has another folder there now. Mount it anew.`;
    case 'EIO':
      return `The disk of ${folder}, or the way to it, fails. See what the kernel says (dmesg).`;
    case 'ENOTCONN':
    case 'EHOSTDOWN':
    case 'EHOSTUNREACH':
    case 'ETIMEDOUT':
      return `The host that ${folder} is mounted from does not answer.`;
    default:
      return undefined;
  }
}
