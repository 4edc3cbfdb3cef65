import type { Destination } from '@pgstow/shared/contract/destination.ts';
import { uploadJobId } from '@pgstow/shared/contract/jobs.ts';
import { enqueueUpload, readUnendedIds, type OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import type { Log } from '@pgstow/shared/runtime/log/log.ts';
import { isSettled } from '../policy/is-confirmed.ts';
import type { KnownDump } from './read-folder.ts';

export type MissingUploadsOptions = {
  readonly destinations: ReadonlyMap<string, Destination>;
  readonly uploads: OpenQueue<'upload'>;
  readonly log: Log;
};

/** Uploads that are asked for together: their commands go to Redis without waiting for each other's answers. */
const AT_ONCE = 50;

/** Asks for the upload of each dump to each destination that has never confirmed it. */
export async function enqueueMissingUploads(
  dumps: readonly KnownDump[],
  { destinations, uploads, log }: MissingUploadsOptions,
): Promise<void> {
  for (const destination of destinations.values()) {
    const missing = dumps.filter((dump) => !isSettled(dump, destination));
    const asked = await readUnendedIds(uploads);
    const names = missing.map(({ manifest }) => manifest.name);
    const unasked = names.filter((name) => !asked.has(uploadJobId(name, destination.name, uploads.server)));
    for (let done = 0; done < unasked.length; done += AT_ONCE)
      await Promise.all(
        unasked.slice(done, done + AT_ONCE).map((name) => enqueueUpload(uploads, name, destination.name)),
      );
    if (missing.length > 0)
      log.info({ destination: destination.name, dumps: missing.length }, 'asked for missing uploads');
  }
}
