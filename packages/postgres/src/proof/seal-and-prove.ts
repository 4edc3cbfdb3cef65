import { once } from 'node:events';
import type { FileHandle } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import type { ProvenContent } from '@pgstow/shared/contract/manifest.ts';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { assertDiskTakesMore } from '../client/assert-disk-takes-more.ts';

export type SealOptions = {
  /** Path of the file. */
  readonly path: string;
  /** The same file, open for writing. */
  readonly file: FileHandle;
  readonly compressor: { readonly program: string; readonly argv: readonly string[] };
  /** Public keys of age. */
  readonly recipients: readonly string[];
  readonly signal: AbortSignal;
};

/** Input of the thread. */
export type SealThreadData = Omit<SealOptions, 'file' | 'signal'> & {
  readonly inputFd: number;
  readonly fileFd: number;
};

/** Answer of the thread. `failed`: a program did. `refused` at the end may well be what a failed pg_dump has left. */
export type SealOutcome =
  | { readonly proven: ProvenContent }
  | { readonly failed: string }
  | { readonly refused: string; readonly isEnd: boolean };

/** A dump that is encrypted while it is taken. */
export type Sealing = {
  /** Takes the text from a pipe, to its end. Resolves once it has that. `ended` says why it failed, and never rejects. */
  readonly startWriter: (input: FileHandle) => Promise<{ readonly ended: Promise<string | undefined> }>;
  /**
   * The proof of what was written.
   *
   * @param dumped ends when pg_dump and the writer have
   * @throws as `dumped` does; RetryableError if age or the compressor fails, or the dump is not whole; a full disk as Node has it
   */
  readonly prove: (dumped: Promise<unknown>) => Promise<ProvenContent>;
};

/**
 * Compresses a dump, proves the gzip as it goes by, and encrypts it into the file: what is not encrypted never touches the disk. A
 * thread hands the gzip on, because the proof has to see it. The sums of the file are taken from the disk.
 */
export function sealAndProve({ path, file, compressor, recipients, signal }: SealOptions): Sealing {
  const { promise: outcome, resolve, reject } = Promise.withResolvers<SealOutcome>();
  outcome.catch(() => undefined);
  return {
    startWriter: async (input) => {
      const workerData: SealThreadData = { path, compressor, recipients, inputFd: input.fd, fileFd: file.fd };
      const thread = new Worker(new URL('seal-and-prove-thread.ts', import.meta.url), { workerData });
      const started = Promise.withResolvers<void>();
      const exited = once(thread, 'exit');
      thread.on('message', (message: SealOutcome | 'started') => {
        if (message === 'started') started.resolve();
        else resolve(message);
      });
      thread.once('error', reject);
      const giveUp = (): void => thread.postMessage('give up');
      signal.addEventListener('abort', giveUp);
      if (signal.aborted) giveUp();
      const ended = exited
        .catch(() => undefined)
        .then(async () => {
          signal.removeEventListener('abort', giveUp);
          reject(new Error('the thread that encrypts the dump ended without an answer'));
          const last = await outcome.catch((error: unknown) => ({ failed: (error as Error).message }));
          return 'failed' in last ? last.failed : undefined;
        });
      await Promise.race([started.promise, ended]);
      return { ended };
    },
    prove: async (dumped) => {
      const last = await Promise.race([outcome, dumped.then(() => outcome)]);
      if ('proven' in last) return last.proven;
      signal.throwIfAborted();
      if ('failed' in last) {
        await assertDiskTakesMore(file);
        throw new RetryableError(last.failed);
      }
      if (last.isEnd) await dumped;
      throw new RetryableError(last.refused);
    },
  };
}
