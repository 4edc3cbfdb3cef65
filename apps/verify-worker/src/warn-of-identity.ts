import { access, constants } from 'node:fs/promises';
import type { EncryptionConfig } from '@pgstow/shared/config/subjects/encryption.ts';
import type { VerifyConfig } from '@pgstow/shared/config/subjects/verify.ts';

/** Says at the start what restore tests will not be able to tell; `undefined` if they can, or dumps are not encrypted. */
export async function warnOfIdentity({
  encryption: { recipients, identityFile },
  verify,
}: {
  readonly encryption: EncryptionConfig;
  readonly verify: VerifyConfig;
}): Promise<string | undefined> {
  if (identityFile === undefined)
    return recipients.length === 0 || verify.schedule.kind === 'off'
      ? undefined
      : 'no AGE_IDENTITY_FILE: restore tests of encrypted dumps check what can be checked without it, and cannot tell the rest';
  return access(identityFile, constants.R_OK).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => `cannot read AGE_IDENTITY_FILE: ${error.code} ${identityFile}`,
  );
}
