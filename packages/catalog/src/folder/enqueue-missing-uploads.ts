import type { Destination } from '@pgstow/shared/contract/destination.ts';
import { enqueueUpload, type OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import type { Log } from '@pgstow/shared/runtime/log/log.ts';
import { isConfirmed } from '../policy/is-confirmed.ts';
import type { KnownDump } from './read-folder.ts';

export type MissingUploadsOptions = {
  readonly destinations: ReadonlyMap<string, Destination>;
  readonly uploads: OpenQueue<'upload'>;
  readonly log: Log;
};

/** Asks for the upload of each dump to each destination that has not confirmed it. */
export async function enqueueMissingUploads(
  dumps: readonly KnownDump[],
  { destinations, uploads, log }: MissingUploadsOptions,
): Promise<void> {
  for (const destination of destinations.values()) {
    const missing = dumps.filter((dump) => !isConfirmed(dump, destination));
    for (const { manifest } of missing) await enqueueUpload(uploads, manifest.name, destination.name);
    if (missing.length > 0)
      log.info({ destination: destination.name, dumps: missing.length }, 'asked for missing uploads');
  }
}
