import type { DestinationPlace } from '@pgstow/shared/contract/receipt.ts';
import { enqueueUpload, type OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import type { Log } from '@pgstow/shared/runtime/log/log.ts';
import { isConfirmed } from '../policy/is-confirmed.ts';
import type { KnownDump } from './read-folder.ts';

export type MissingUploadsOptions = {
  readonly destinations: ReadonlyMap<string, { readonly place: DestinationPlace }>;
  readonly uploads: OpenQueue<'upload'>;
  readonly log: Log;
};

/** Asks for the upload of each dump to each destination that has not confirmed it. */
export async function enqueueMissingUploads(
  dumps: readonly KnownDump[],
  { destinations, uploads, log }: MissingUploadsOptions,
): Promise<void> {
  for (const [destination, { place }] of destinations) {
    const missing = dumps.filter((dump) => !isConfirmed(dump, place));
    for (const { manifest } of missing) await enqueueUpload(uploads, manifest.name, destination);
    if (missing.length > 0) log.info({ destination, dumps: missing.length }, 'asked for missing uploads');
  }
}
