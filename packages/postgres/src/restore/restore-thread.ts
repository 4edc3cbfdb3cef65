import { Worker } from 'node:worker_threads';
import type { ProvenContent } from '@pgstow/shared/contract/manifest.ts';
import type { Heading } from './restore-error.ts';

/** What the thread works with: the file, and the descriptor of the pipe's end that it writes to. */
export type RestoreThreadData = { readonly path: string; readonly fd: number };

/** What the thread tells. After all but `progress` it has ended. */
export type RestoreThreadMessage =
  | { readonly kind: 'progress'; readonly sqlBytes: number }
  | { readonly kind: 'proven'; readonly proven: ProvenContent; readonly headings: readonly Heading[] }
  | { readonly kind: 'lost psql'; readonly headings: readonly Heading[] }
  | { readonly kind: 'refused'; readonly message: string; readonly hint: string | undefined }
  | { readonly kind: 'unreadable'; readonly message: string };

export type RestoreThreadOutcome = Exclude<RestoreThreadMessage, { kind: 'progress' }>;

/** The thread that reads a dump and writes its text to psql. It takes a tenth of a second to start. */
export type RestoreThread = AsyncDisposable & {
  /** Has it do that, once. @param onProgress called with the bytes of SQL that were written, a few times a second */
  run(data: RestoreThreadData, onProgress?: (sqlBytes: number) => void): Promise<RestoreThreadOutcome>;
};

/** Starts it; it touches nothing until it is run. Disposing ends it. */
export function startRestoreThread(): RestoreThread {
  const thread = new Worker(new URL('restore-dump-thread.ts', import.meta.url));
  const answer = Promise.withResolvers<RestoreThreadOutcome>();
  // It may end before anyone waits for it.
  answer.promise.catch(() => undefined);
  thread.once('error', answer.reject);
  thread.once('exit', () => answer.reject(new Error('the thread that reads the dump ended without an answer')));
  return {
    run(data, onProgress) {
      thread.on('message', (message: RestoreThreadMessage) => {
        if (message.kind === 'progress') onProgress?.(message.sqlBytes);
        else answer.resolve(message);
      });
      thread.postMessage(data);
      return answer.promise;
    },
    [Symbol.asyncDispose]: async () => void (await thread.terminate()),
  };
}
