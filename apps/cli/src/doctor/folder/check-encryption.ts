import { stat } from 'node:fs/promises';
import { decrypt, encryptText } from '@pgstow/postgres/age/age-text.ts';
import { LockedError } from '@pgstow/postgres/age/decrypt-age.ts';
import type { EncryptionConfig } from '@pgstow/shared/config/subjects/encryption.ts';
import { describeError } from '@pgstow/shared/runtime/errors.ts';
import { defineCheck, findingOf, type Finding } from '../check.ts';

const TRIAL = 'pgstow doctor';

/** Checks that age takes each key, and that the identity decrypts what is encrypted to them. Says nothing where dumps are not encrypted. */
export const checkEncryption = defineCheck({
  name: 'encryption.recipients',
  needs: ['encryption', 'backup', 'verify'],
  timeoutMs: 30_000,
  async *run({ encryption, backup, verify }) {
    const { recipients, identityFile } = encryption;
    if (recipients.length > 0) yield await checkRecipients(recipients);
    if (identityFile !== undefined) {
      yield await checkIdentity(encryption, identityFile);
      yield* checkPlace(identityFile, await modeOf(identityFile), backup.folder);
    } else if (recipients.length > 0 && verify.schedule.kind !== 'off')
      yield findingOf('encryption.identity').warning(
        'no AGE_IDENTITY_FILE: restore tests check what can be checked without it, and cannot tell the rest',
        'Set it for the verify worker to have dumps restored, or restore one by hand now and then where the identity is.',
      );
  },
});

async function checkRecipients(recipients: readonly string[]): Promise<Finding> {
  const { ok, failed } = findingOf('encryption.recipients');
  try {
    await encryptText(TRIAL, recipients);
    return ok(`age encrypts to ${recipients.map(shorten).join(', ')}`);
  } catch (error) {
    return failed(error);
  }
}

async function checkIdentity({ recipients }: EncryptionConfig, identityFile: string): Promise<Finding> {
  const { ok, warning, fault, failed } = findingOf('encryption.identity');
  if (recipients.length === 0)
    return ok(`${identityFile} decrypts older dumps; new ones are not encrypted (AGE_RECIPIENTS)`);
  const opens: boolean[] = [];
  try {
    for (const recipient of recipients) opens.push(await decrypts(identityFile, recipient));
  } catch (error) {
    return failed(error);
  }
  const opened = recipients.filter((_, index) => opens[index] === true);
  if (opened.length === 0)
    return fault(
      `the identity in ${identityFile} decrypts nothing that is encrypted to AGE_RECIPIENTS`,
      'Add its public key, which age-keygen -y shows, or name the identity that belongs to them.',
    );
  if (opened.length < recipients.length)
    return ok(`the identity decrypts what is encrypted to ${opened.map(shorten).join(', ')}`);
  return warning(
    `the only identities that AGE_RECIPIENTS knows of lie on this host, in ${identityFile}: a key that is kept here alone is none`,
    'Without this host, no backup can be read. Keep a copy elsewhere; better, add a second recipient whose identity never comes here.',
  );
}

async function decrypts(identityFile: string, recipient: string): Promise<boolean> {
  const sealed = await encryptText(TRIAL, [recipient]);
  try {
    return (await decrypt(Buffer.from(sealed), identityFile)).toString() === TRIAL;
  } catch (error) {
    if (error instanceof LockedError && /no identity matched/.test(describeError(error))) return false;
    throw error;
  }
}

function* checkPlace(identityFile: string, mode: number | undefined, folder: string): Generator<Finding> {
  const { warning, fault } = findingOf('encryption.place');
  if (identityFile.startsWith(`${folder.replace(/\/$/, '')}/`))
    yield fault(
      `${identityFile} lies in the backup folder: whoever has the backups has the key`,
      'Move it to a folder of its own.',
    );
  if (mode !== undefined && (mode & 0o004) !== 0)
    yield warning(`every user of this host may read ${identityFile}`, `chmod 600 ${identityFile}`);
}

async function modeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ mode }) => mode,
    () => undefined,
  );
}

function shorten(recipient: string): string {
  return recipient.length <= 24 ? recipient : `${recipient.slice(0, 16)}…${recipient.slice(-4)}`;
}
