import { findDumpOutline } from '@pgstow/catalog/folder/read-folder.ts';
import { BusyError } from '@pgstow/shared/runtime/errors.ts';
import { uploadLockKey, withLock } from '@pgstow/shared/runtime/redis/lock.ts';
import { keyPrefixes, parseObjectKey } from '@pgstow/store/object-key.ts';
import type { OpenUpload } from '@pgstow/store/store.ts';
import type { UploadContext } from './context.ts';
import type { UploadDestination } from './upload-destination.ts';

const OLD_MS = 24 * 3600 * 1000;

/**
 * Drops what killed attempts at an object left in the store, invisible and billed. Call it under the dump's upload lock,
 * before anything is put: then no upload of it is under way.
 */
export async function abortLeftoversOf(
  destination: UploadDestination,
  key: string,
  signal: AbortSignal,
): Promise<number> {
  const open = await listOpen(destination, key, signal);
  const leftovers = open.filter((upload) => upload.key === key);
  for (const upload of leftovers) await destination.store.abortUpload(upload, signal);
  return leftovers.length;
}

/**
 * Drops the leftovers of all our dumps, except those that are being uploaded. A dump that is not in this folder may be
 * another site's: its leftovers go when they are a day old.
 */
export async function sweepLeftovers(
  { records, scope, redis, log }: UploadContext,
  destination: UploadDestination,
  signal: AbortSignal,
): Promise<void> {
  const open: OpenUpload[] = [];
  for (const start of keyPrefixes(destination.prefix)) open.push(...(await listOpen(destination, start, signal)));
  for (const upload of open) {
    const name = parseObjectKey(destination.prefix, upload.key)?.name;
    if (name === undefined) continue;
    const isOld = Date.now() - upload.startedAt.getTime() > OLD_MS;
    if (!isOld && (await findDumpOutline(records, name)) === undefined) continue;
    try {
      await withLock(redis, uploadLockKey(scope, name, destination.name), signal, (held) =>
        destination.store.abortUpload(upload, held),
      );
      log.info({ key: upload.key, startedAt: upload.startedAt }, 'dropped an upload that was left open');
    } catch (error) {
      if (!(error instanceof BusyError)) throw error;
    }
  }
}

async function listOpen(
  destination: UploadDestination,
  prefix: string,
  signal: AbortSignal,
): Promise<readonly OpenUpload[]> {
  const open = await destination.store.listOpenUploads(prefix, signal);
  if (!('refused' in open)) return open;
  destination.warnOnce(
    `uploads that were left open cannot be found (${open.refused}); have the bucket drop them by a lifecycle rule AbortIncompleteMultipartUpload`,
  );
  return [];
}
