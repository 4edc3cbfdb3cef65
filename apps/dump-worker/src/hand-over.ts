import type { DumpResult } from '@pgstow/shared/contract/jobs.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { enqueueUpload } from '@pgstow/shared/runtime/queue.ts';
import type { DumpWorker } from './dump-worker.ts';

/** Asks for the upload of a recorded dump, if there is a destination. */
export async function handOver(
  manifest: Manifest,
  { uploads, destination }: Pick<DumpWorker, 'uploads' | 'destination'>,
): Promise<DumpResult> {
  if (destination !== undefined) await enqueueUpload(uploads, manifest.name, destination.name);
  return {
    name: manifest.name,
    bytes: manifest.bytes,
    destinations: destination === undefined ? [] : [destination.name],
  };
}
