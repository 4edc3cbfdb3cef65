import { Worker } from 'node:worker_threads';
import type { ProvenContent } from '@pgstow/shared/contract/manifest.ts';
import type { DumpFile } from '../proof/dump-file.ts';
import type { TextChanger, TextChanges } from './change-text.ts';
import type { Heading } from './restore-error.ts';

/** Input of the thread: the file, the descriptor of the pipe's end that it writes to, and what it changes in the text. */
export type RestoreThreadData = { readonly file: DumpFile; readonly fd: number; readonly changes: TextChanges };

/** Messages of the thread. After all but `progress` it has ended. */
export type RestoreThreadMessage =
  | { readonly kind: 'progress'; readonly sqlBytes: number }
  | {
      readonly kind: 'proven';
      readonly proven: ProvenContent;
      readonly headings: readonly Heading[];
      readonly blankedTablespaces: readonly string[];
      readonly sequences: TextChanger['sequences'];
    }
  | { readonly kind: 'lost psql'; readonly headings: readonly Heading[] }
  | { readonly kind: 'refused'; readonly message: string; readonly hint: string | undefined }
  | { readonly kind: 'locked'; readonly message: string; readonly hint: string | undefined }
  | { readonly kind: 'unreadable'; readonly message: string };

export type RestoreThreadOutcome = Exclude<RestoreThreadMessage, { kind: 'progress' }>;

/**
 * Runs the thread that reads a dump and writes its text to psql.
 *
 * @param onProgress called with the bytes of SQL that were written, a few times a second
 */
export async function runRestoreThread(
  data: RestoreThreadData,
  onProgress?: (sqlBytes: number) => void,
): Promise<RestoreThreadOutcome> {
  await using thread = new Worker(new URL('restore-dump-thread.ts', import.meta.url), { workerData: data });
  const { promise, resolve, reject } = Promise.withResolvers<RestoreThreadOutcome>();
  thread.once('error', reject);
  thread.once('exit', () => reject(new Error('the thread that reads the dump ended without an answer')));
  thread.on('message', (message: RestoreThreadMessage) => {
    if (message.kind === 'progress') onProgress?.(message.sqlBytes);
    else resolve(message);
  });
  return await promise;
}
