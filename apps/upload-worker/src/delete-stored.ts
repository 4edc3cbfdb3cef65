import { allRecorded, findRecorded, readFolder } from '@pgstow/catalog/folder/read-folder.ts';
import { writeReceipt } from '@pgstow/catalog/folder/write-record.ts';
import { dumpsOf } from '@pgstow/catalog/policy/dumps-of.ts';
import { isOfLineage } from '@pgstow/catalog/policy/lineage-policy.ts';
import { newestByNow } from '@pgstow/catalog/policy/newest-dump.ts';
import { isSuspect } from '@pgstow/catalog/policy/suspect-dump.ts';
import { parseBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { ManifestOutline } from '@pgstow/shared/contract/manifest.ts';
import { receiptConfirms } from '@pgstow/shared/contract/receipt.ts';
import { dumpKey, manifestKey, sealedManifestKey, wordKey } from '@pgstow/store/object-key.ts';
import type { DeleteOutcome, Store } from '@pgstow/store/store.ts';
import { readStoredManifest } from '@pgstow/store/stored-manifest.ts';
import type { UploadContext } from './context.ts';
import type { UploadDestination } from './upload-destination.ts';

/** `changed`: another dump lies there than was judged, and is left alone. */
export type Deletion = DeleteOutcome | 'changed';

/**
 * Deletes a dump at a destination, under the lock of its upload. The folder's receipt says so first, so the copy is not taken for a
 * lost one and is not put again. The dump goes before its manifest: a crash in between leaves words without a dump, which count for
 * nothing and go with the next pruning, and never a dump without its words.
 *
 * @throws as the store does; then the receipt confirms the copy again
 */
export async function deleteStored(
  context: UploadContext,
  { store, prefix, ...destination }: UploadDestination,
  { name, sha256 }: ManifestOutline,
  signal: AbortSignal,
): Promise<Deletion> {
  const { folder } = context.backup;
  const stored = await readStoredManifest(store, name, signal);
  // An encrypted manifest cannot be read here; the dump beside it says the same.
  const lies = stored?.sha256 ?? (await store.look(dumpKey(prefix, name), signal))?.metadata['sha256'];
  if (lies !== sha256) return 'changed';
  const dump = await findRecorded(folder, name);
  const receipt = dump?.receipts.get(destination.name);
  const isConfirmed =
    dump !== undefined && receipt !== undefined && receiptConfirms(receipt, dump.manifest, store.destination);
  signal.throwIfAborted();
  if (isConfirmed) await writeReceipt(folder, { ...receipt, prunedAt: new Date().toISOString() });
  let outcome: DeleteOutcome;
  try {
    outcome = await store.delete(dumpKey(prefix, name), signal);
  } catch (error) {
    if (isConfirmed) await writeReceipt(folder, receipt);
    throw error;
  }
  await deleteWords(store, name, signal);
  return outcome;
}

/** Deletes what a deletion that was cut off left of a dump. A manifest of another server is another stack's. */
export async function deleteOrphan(
  { records }: UploadContext,
  { store, prefix }: UploadDestination,
  name: BackupName,
  signal: AbortSignal,
): Promise<void> {
  const { database } = parseBackupName(name);
  const dumps = allRecorded(await readFolder(records, { databases: [database] }));
  const stored = await readStoredManifest(store, name, signal);
  const ours = newestByNow(
    dumpsOf(database, dumps).filter((dump) => dump.manifest.identity !== undefined && !isSuspect(dump)),
    new Date(),
  );
  const known = dumps.find(({ manifest }) => manifest.name === name);
  const isOurs =
    known?.manifest.sha256 === stored?.sha256 ||
    (stored?.identity !== undefined && ours !== undefined && isOfLineage(ours.manifest, stored.identity));
  // The dump of a receipt that still confirms is lost, and will be put again.
  const receipt = known?.receipts.get(store.destination.name);
  const isLost = known !== undefined && receipt?.prunedAt === undefined;
  if (stored === undefined || !isOurs || isLost || (await store.look(dumpKey(prefix, name), signal)) !== undefined)
    return;
  await deleteWords(store, name, signal);
}

/** The manifest goes last: while it is there, a cut-off deletion is found again. */
async function deleteWords(store: Store, name: BackupName, signal: AbortSignal): Promise<void> {
  const { prefix } = store.destination;
  for (const kind of ['acceptance', 'pin'] as const) {
    const key = wordKey(prefix, name, kind);
    if ((await store.look(key, signal)) !== undefined) await store.delete(key, signal);
  }
  const sealed = sealedManifestKey(prefix, name);
  if ((await store.look(sealed, signal)) !== undefined) await store.delete(sealed, signal);
  await store.delete(manifestKey(prefix, name), signal);
}
