import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { ProvenContent } from '@pgstow/shared/contract/manifest.ts';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { LockedError } from '../age/decrypt-age.ts';
import type { DumpFile } from './dump-file.ts';

/** Answer of the thread. */
export type Proof =
  | { readonly proven: ProvenContent }
  | { readonly refused: string }
  | { readonly locked: string; readonly hint: string | undefined };

/**
 * Proves what lies on the disk: the file is one gzip and nothing else, encrypted or not, it decompresses whole, and its text is a
 * complete dump. It runs in a thread of its own: a stream of buffers makes V8 collect garbage all the time, which is cheap in the
 * small heap of a thread.
 *
 * @param written settles when the file is whole. Until then the proof follows the file as it grows, so that little is left to
 * do after the dump.
 * @param identityFile decrypts it; `undefined` for a dump that is not encrypted
 * @throws RetryableError if the file does not stand up to it; LockedError if the identity does not fit; the signal's reason once that is aborted
 */
export async function proveGzip(
  path: string,
  signal: AbortSignal,
  written: Promise<unknown> = Promise.resolve(),
  identityFile?: string,
): Promise<ProvenContent> {
  signal.throwIfAborted();
  const file: DumpFile = { path, identityFile };
  await using thread = new Worker(new URL('prove-gzip-thread.ts', import.meta.url), { workerData: file });
  const tellWritten = (): void => thread.postMessage('written');
  written.then(tellWritten, tellWritten);
  try {
    const [proof] = (await once(thread, 'message', { signal })) as [Proof];
    if ('proven' in proof) return proof.proven;
    if ('locked' in proof) throw new LockedError(proof.locked, { hint: proof.hint });
    throw new RetryableError(proof.refused);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
