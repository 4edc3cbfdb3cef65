import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { PermanentError, RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { startAge } from './start-age.ts';

/** What is encrypted cannot be read with this identity: it says nothing of the dump. */
export class LockedError extends PermanentError {
  override readonly name = 'LockedError';
}

/** Messages of age 1.1 and later about the identity, and not about what it decrypts. */
const OF_IDENTITY =
  /no identity matched|failed to (?:open|read) (?:file|"|identity)|reading "|unknown identity|passphrase|permission denied|no such file|malformed secret key|incorrect passphrase|could not (?:open|read) .*identit/i;

/**
 * Decrypts by age what comes by, as it comes. All of it is right only once the generator has ended: until then a later part may turn out
 * damaged, or missing.
 *
 * @throws LockedError if the identity does not fit or cannot be read; RetryableError if it is damaged; whatever `chunks` throws
 */
export async function* decryptAge(
  chunks: AsyncIterable<Uint8Array>,
  identityFile: string,
): AsyncGenerator<Buffer, void, undefined> {
  await using age = await startAge(['--decrypt', '--identity', identityFile], ['pipe', 'pipe', 'pipe']).catch(
    (error: Error) => {
      throw new LockedError(error.message, { hint: 'Install the package age.' });
    },
  );
  const { stdin, stdout } = age.child;
  if (stdin === null || stdout === null) throw new TypeError('wanted pipes to age');
  let fault: unknown;
  const source = async function* (): AsyncGenerator<Uint8Array> {
    try {
      yield* chunks;
    } catch (error) {
      fault = error;
      throw error;
    }
  };
  // age ends early when something is wrong, and then its end says more.
  const fed = pipeline(Readable.from(source(), { objectMode: false }), stdin).catch(() => undefined);
  for await (const chunk of stdout) yield chunk as Buffer;
  await fed;
  const failure = await age.ended;
  if (fault !== undefined) throw fault;
  if (failure === undefined) return;
  if (OF_IDENTITY.test(failure))
    throw new LockedError(`the identity does not decrypt it: ${failure}`, {
      hint: 'AGE_IDENTITY_FILE names the file; its key must be one of those that the dump is encrypted to.',
    });
  throw new RetryableError(`the ciphertext is damaged: ${failure}`);
}
