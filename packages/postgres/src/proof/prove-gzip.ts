import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { ProvenContent } from '@pgstow/shared/contract/manifest.ts';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';

/** What the thread answers. */
export type Proof = { readonly proven: ProvenContent } | { readonly refused: string };

/**
 * Proves what lies on the disk: the file is one gzip and nothing else, it decompresses whole, and its text is a complete
 * dump. That is done in a thread of its own: a stream of buffers keeps V8 collecting garbage, each collection takes as long
 * as the heap is large, and a thread's heap holds next to nothing.
 *
 * @param written for a file that is still being written: ends when it is whole. Until then the proof follows the file,
 *   so that little is left to do once the dump is done.
 * @throws RetryableError if the file does not stand up to it; the signal's reason once that is aborted
 */
export async function proveGzip(
  path: string,
  signal: AbortSignal,
  written: Promise<unknown> = Promise.resolve(),
): Promise<ProvenContent> {
  signal.throwIfAborted();
  await using thread = new Worker(new URL('prove-gzip-thread.ts', import.meta.url), { workerData: path });
  const tellWritten = (): void => thread.postMessage('written');
  written.then(tellWritten, tellWritten);
  try {
    const [proof] = (await once(thread, 'message', { signal })) as [Proof];
    if ('proven' in proof) return proof.proven;
    throw new RetryableError(proof.refused);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
