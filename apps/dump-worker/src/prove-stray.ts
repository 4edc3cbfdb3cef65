import { basename } from 'node:path';
import { proveGzip } from '@pgstow/postgres/proof/prove-gzip.ts';
import type { EncryptionConfig } from '@pgstow/shared/config/subjects/encryption.ts';
import { isBackupName, isEncrypted } from '@pgstow/shared/contract/backup-name.ts';
import type { ProvenContent } from '@pgstow/shared/contract/manifest.ts';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';

/** Reads a stray to its end, decrypted where its name says so. @throws PermanentError without an identity; as `proveGzip` does */
export function proveStray({
  identityFile,
}: EncryptionConfig): (path: string, signal: AbortSignal) => Promise<ProvenContent> {
  return async (path, signal) => {
    const name = basename(path);
    if (!isBackupName(name) || !isEncrypted(name)) return proveGzip(path, signal);
    if (identityFile !== undefined) return proveGzip(path, signal, undefined, identityFile);
    throw new PermanentError('it is encrypted, and no AGE_IDENTITY_FILE is here to read it', {
      hint: 'Set AGE_IDENTITY_FILE for the dump worker until it has adopted such files.',
    });
  };
}
