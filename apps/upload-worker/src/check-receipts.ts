import { deleteDump } from '@pgstow/catalog/folder/delete-dump.ts';
import { allRecorded, findDumpOutline, findRecordedOutline, readFolder } from '@pgstow/catalog/folder/read-folder.ts';
import { removeReceipt } from '@pgstow/catalog/folder/write-record.ts';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { receiptConfirms, type Receipt } from '@pgstow/shared/contract/receipt.ts';
import { BusyError, PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { enqueueUpload } from '@pgstow/shared/runtime/jobs/queue.ts';
import { uploadLockKey, withLock } from '@pgstow/shared/runtime/redis/lock.ts';
import { HiddenError } from '@pgstow/store/hidden-error.ts';
import type { StoredObject } from '@pgstow/store/store.ts';
import type { UploadContext } from './context.ts';
import { findDoubtful } from './find-doubtful.ts';
import { isManifestThere } from './put-manifest.ts';
import type { UploadDestination } from './upload-destination.ts';

/**
 * Compares every receipt for this destination with the store: the newest by looking at their objects, which shows as well whether
 * they may be read, and the others by listings of a thousand. One that the store refutes is removed, so that nothing is pruned
 * because of it, and the upload is asked for again. An object that may not be read refutes nothing.
 *
 * @throws PermanentError if objects may not be read, after the others were checked; as the store does. Unchecked receipts stay.
 */
export async function checkReceipts(
  context: UploadContext,
  destination: UploadDestination,
  signal: AbortSignal,
): Promise<void> {
  const { records, scope, redis, uploads } = context;
  const hidden: HiddenError[] = [];
  const dumps = allRecorded(await readFolder(records));
  for (const { manifest } of await findDoubtful(dumps, records, destination, signal)) {
    try {
      const isLost = await withLock(redis, uploadLockKey(scope, manifest.name, destination.name), signal, (held) =>
        removeIfRefuted(context, destination, manifest.name, held),
      );
      if (isLost) await enqueueUpload(uploads, manifest.name, destination.name);
    } catch (error) {
      if (error instanceof HiddenError) hidden.push(error);
      // It is being uploaded: there will be a new receipt.
      else if (!(error instanceof BusyError)) throw error;
    }
  }
  const [first] = hidden;
  if (first === undefined) return;
  throw new PermanentError(`${hidden.length} receipt(s) could not be checked, and are kept: ${first.message}`, {
    hint: first.hint,
    cause: first,
  });
}

async function removeIfRefuted(
  { backup, records, catalog, log }: UploadContext,
  destination: UploadDestination,
  name: BackupName,
  signal: AbortSignal,
): Promise<boolean> {
  // Read under the lock: a job may just have written it.
  const dump = await findRecordedOutline(records, name);
  const receipt = dump?.receipts.get(destination.name);
  if (dump === undefined || receipt === undefined || !receiptConfirms(receipt, dump.manifest, destination))
    return false;
  const { store } = destination;
  const refutation =
    refute(receipt, await store.look(receipt.key, signal)) ??
    ((await isManifestThere(store, records, dump.manifest, signal))
      ? undefined
      : 'its manifest is gone or another one');
  if (refutation === undefined) return false;
  await removeReceipt(backup.folder, receipt);
  catalog.publish();
  const isHere = (await findDumpOutline(records, name)) !== undefined;
  const then = isHere ? 'uploading it again' : 'it is not in the folder, and cannot be uploaded again';
  log.warn({ name, key: receipt.key }, `the store no longer has what it confirmed: ${refutation}; ${then}`);
  // Its records would speak of a dump that is nowhere.
  if (!isHere && (await findRecordedOutline(records, name)) === undefined) await deleteDump(backup.folder, name);
  return isHere;
}

function refute(receipt: Receipt, object: StoredObject | undefined): string | undefined {
  if (object === undefined) return 'it is gone';
  if (object.bytes !== receipt.bytes) return `it has ${object.bytes} bytes, not ${receipt.bytes}`;
  return object.etag === receipt.etag ? undefined : `its ETag is ${object.etag}, not ${receipt.etag}`;
}
