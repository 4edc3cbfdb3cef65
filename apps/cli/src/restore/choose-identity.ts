import { access, constants } from 'node:fs/promises';
import { isEncrypted, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { refusal } from '../exit-codes.ts';

/**
 * The file of the identity that decrypts a backup; `undefined` for one that is not encrypted.
 *
 * @throws ExitError before anything is done, if it is needed and not there
 */
export async function chooseIdentity(name: BackupName, identityFile: string | undefined): Promise<string | undefined> {
  if (!isEncrypted(name)) return undefined;
  if (identityFile === undefined)
    throw refusal(
      `${name} is encrypted, and no identity is here to decrypt it`,
      'Bring the file of the secret key to this host, and name it with --identity or AGE_IDENTITY_FILE. docs/encryption.md shows how to restore without pgstow.',
    );
  try {
    await access(identityFile, constants.R_OK);
  } catch (error) {
    throw refusal(`cannot read the identity ${identityFile}: ${(error as NodeJS.ErrnoException).code}`);
  }
  return identityFile;
}
