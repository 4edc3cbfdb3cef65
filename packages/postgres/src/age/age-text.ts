import { buffer } from 'node:stream/consumers';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { decryptAge } from './decrypt-age.ts';
import { startAge } from './start-age.ts';

/** Encrypts a small text to public keys, in age's form of letters and digits. @throws PermanentError if age refuses a key */
export async function encryptText(text: string, recipients: readonly string[]): Promise<string> {
  await using age = await startAge(['--encrypt', '--armor', ...recipientOptions(recipients)], ['pipe', 'pipe', 'pipe']);
  const { stdin, stdout } = age.child;
  if (stdin === null || stdout === null) throw new TypeError('wanted pipes to age');
  stdin.end(text);
  const sealed = await buffer(stdout);
  const failure = await age.ended;
  if (failure === undefined) return sealed.toString();
  throw new PermanentError(`cannot encrypt: ${failure}`, {
    hint: 'See AGE_RECIPIENTS. The key of a plugin needs the plugin on PATH.',
  });
}

/** @throws as `decryptAge` does */
export async function decrypt(sealed: Buffer, identityFile: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const source = (async function* () {
    yield sealed;
  })();
  for await (const chunk of decryptAge(source, identityFile)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** What decrypts small files with an identity; `undefined` where none is here. */
export function decryptBy(identityFile: string | undefined): ((sealed: Buffer) => Promise<Buffer>) | undefined {
  return identityFile === undefined ? undefined : (sealed) => decrypt(sealed, identityFile);
}

export function recipientOptions(recipients: readonly string[]): readonly string[] {
  return recipients.flatMap((recipient) => ['--recipient', recipient]);
}
