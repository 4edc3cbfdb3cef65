import { spawnSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';

/** A key pair of age. */
export type Identity = {
  /** The public key. */
  readonly recipient: string;
  /** File of the secret key. */
  readonly file: string;
};

/** Makes a key pair in a folder, with age's own program. */
export function makeIdentity(folder: string, name = 'identity'): Identity {
  const file = join(folder, name);
  const made = spawnSync('age-keygen', ['-o', file], { encoding: 'utf8' });
  const recipient = /age1[a-z0-9]+/.exec(made.stderr)?.[0];
  if (recipient === undefined) throw new Error(`wanted a key from age-keygen, got ${made.stderr}`);
  // Some tests run workers as another user.
  chmodSync(file, 0o644);
  return { recipient, file };
}
