import { z } from 'zod';
import { defineSubject, type Built } from '../subject.ts';
import { holdsSecretKey, readAgeRecipients } from '../values/age-recipients.ts';

export const encryption = defineSubject({
  title: 'Encryption',
  variables: {
    AGE_RECIPIENTS: {
      schema: z.string().optional(),
      description:
        'Public keys that dumps are encrypted to by age, with commas, spaces or line ends between them: `age1…`, `ssh-ed25519 …`, `ssh-rsa …`. Each of their identities decrypts. Without one, dumps are not encrypted. `AGE_RECIPIENTS_FILE` names a file of them, one a line, with `#` before comments. See [encryption.md](encryption.md).',
    },
    AGE_IDENTITY_FILE: {
      schema: z.string().optional(),
      description:
        'File with the secret key that decrypts dumps, for restores and restore tests: what `age-keygen` writes, or an SSH key without a passphrase. The dump worker needs none. Without it, restore tests of encrypted dumps check what can be checked, and cannot tell the rest.',
    },
    AGE_MANIFESTS: {
      schema: z.enum(['plain', 'encrypted']).default('plain'),
      description:
        "How destinations get the manifests of encrypted dumps. A manifest names the database's tables, roles and row counts, and no rows. `encrypted` keeps that from whoever reads the bucket; then `pgstow list` knows of a backup there only its name and size, where it has no identity.",
    },
  },
  build(values, report) {
    const { AGE_RECIPIENTS: text, AGE_IDENTITY_FILE: identityFile, AGE_MANIFESTS: manifests } = values;
    const { recipients, faults } = readAgeRecipients(text ?? '');
    if (faults.length > 0) report('AGE_RECIPIENTS', faults.join('; '));
    else if (text !== undefined && recipients.length === 0) report('AGE_RECIPIENTS', 'holds no key');
    if (identityFile !== undefined && holdsSecretKey(identityFile))
      report('AGE_IDENTITY_FILE', 'holds a secret key; give the path of a file that holds it');
    else if (identityFile !== undefined && !identityFile.startsWith('/'))
      report('AGE_IDENTITY_FILE', 'expected an absolute path');
    if (manifests === 'encrypted' && text === undefined) report('AGE_MANIFESTS', 'needs AGE_RECIPIENTS');
    return {
      /** Public keys; dumps are not encrypted where there are none. */
      recipients,
      identityFile,
      sealsManifests: manifests === 'encrypted',
    };
  },
});

/** Encryption of dumps by age. */
export type EncryptionConfig = Built<typeof encryption>;
