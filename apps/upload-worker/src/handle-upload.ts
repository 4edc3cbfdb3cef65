import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { folderError } from '@pgstow/catalog/folder/backup-folder.ts';
import { findDumpOutline, type KnownDump } from '@pgstow/catalog/folder/read-folder.ts';
import { writeReceipt } from '@pgstow/catalog/folder/write-record.ts';
import { parseBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { objectUrl, placeSettingOf } from '@pgstow/shared/contract/destination.ts';
import type { ManifestOutline } from '@pgstow/shared/contract/manifest.ts';
import { receiptConfirms, type Receipt } from '@pgstow/shared/contract/receipt.ts';
import { describeSource } from '@pgstow/shared/contract/source-identity.ts';
import { describeError, PermanentError, RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { askForRestoreTest } from '@pgstow/shared/runtime/jobs/ask-for-restore-test.ts';
import type { Task } from '@pgstow/shared/runtime/jobs/task.ts';
import { uploadLockKey, withLock } from '@pgstow/shared/runtime/redis/lock.ts';
import { ArchivedError } from '@pgstow/store/archived-error.ts';
import { FileDigests, type FileDigest } from '@pgstow/store/file-digests.ts';
import { mediumOf } from '@pgstow/store/folder/folder-medium.ts';
import { HiddenError } from '@pgstow/store/hidden-error.ts';
import { lookBeforePut } from '@pgstow/store/look-before-put.ts';
import { dumpKey } from '@pgstow/store/object-key.ts';
import type { Store } from '@pgstow/store/store.ts';
import { readStoredManifest } from '@pgstow/store/stored-manifest.ts';
import { abortLeftoversOf } from './abort-leftovers.ts';
import type { UploadContext } from './context.ts';
import { inspectObject, type Inspection } from './inspect-object.ts';
import { readManifestToPut } from './manifest-to-put.ts';
import { pruneDestination } from './prune-destination.ts';
import { putDump } from './put-dump.ts';
import { putManifest } from './put-manifest.ts';
import type { UploadDestination } from './upload-destination.ts';
import { decideUpload } from './upload-plan.ts';

/** The result of a job, for the board. */
export type UploadResult = ({ readonly bucket: string } | { readonly folder: string }) & {
  readonly key: string;
  readonly bytes: number;
  readonly seconds: number;
  readonly confirmedBy: Receipt['confirmedBy'];
};

/**
 * Copies a dump to a destination: looks what lies there, puts the dump unless it is there, has the store confirm it, puts
 * the manifest, writes the receipt and publishes. However often and wherever it is cut off, running it again ends in the same
 * state.
 */
export async function handleUpload(task: Task<'upload'>, context: UploadContext): Promise<UploadResult> {
  const startedAt = performance.now();
  const { backup, verify, scope, redis, verifications, catalog } = context;
  const { name } = task.data;
  const destination = findDestination(task, context);
  const { dump, manifestText } = await findWholeDump(task, context);
  const { store } = destination;
  const key = dumpKey(destination.prefix, name);

  const result = await withLock(redis, uploadLockKey(scope, name, destination.name), task.signal, async (signal) => {
    // One descriptor for both: the same bytes are digested and put, even if the name is pruned meanwhile.
    await using file = await open(join(backup.folder, name), constants.O_RDONLY | constants.O_NOFOLLOW);
    const digests = new FileDigests(file, {
      bytes: dump.manifest.bytes,
      checksum: store.checksum,
      signal,
      check: (digest) => assertUnchanged(digest, dump.manifest),
    });
    // Most likely the dump is to be put: its first parts are digested while the store is asked.
    digests.part(1).catch(() => undefined);
    const [looked, dropped] = await Promise.allSettled([
      lookBeforePut(store, key, signal, !destination.unseen.has(key)),
      abortLeftoversOf(destination, key, signal),
    ]);
    if (looked.status === 'rejected') throw looked.reason;
    if (dropped.status === 'rejected') throw dropped.reason;
    const before = looked.value;
    if (dropped.value > 0) task.note(`dropped ${dropped.value} upload(s) of it that were left open`);
    let found = await inspectObject(task, destination, key, before, digests, { isFresh: false, signal });
    const isOurs = found.verdict === 'different' && (await wasOurs(store, found.object.metadata, dump, signal));
    const plan = decideUpload(found, isOurs);
    task.note(`${key}: ${plan.reason}`);
    if (plan.action === 'refuse') {
      const whose = await describeOwner(store, name, signal);
      throw new PermanentError(`${objectUrl(destination, key)} is taken: ${plan.reason}${whose}`, {
        hint: `It is not overwritten. Move it away, or set another ${placeSettingOf(destination)}.`,
      });
    }
    if (plan.action !== 'nothing') {
      await putDump(task, destination, key, file, { mode: plan.action, manifest: dump.manifest, digests, signal });
      // To an access key that may not read, it still looks absent. It must not be sent again.
      destination.unseen.add(key);
      const after = await store.look(key, signal);
      found = await inspectObject(task, destination, key, after, digests, { isFresh: true, signal });
    }
    const { object, by } = assertConfirmed(found, key);
    destination.unseen.delete(key);
    task.note(`confirmed by ${by}`);

    const { bytes, sha256 } = dump.manifest;
    await putManifest(store, dump.manifest, manifestText, signal);
    const place =
      'folder' in destination
        ? { folder: destination.folder, medium: await mediumOf(destination.folder, backup.folder) }
        : { endpoint: destination.endpoint, bucket: destination.bucket };
    signal.throwIfAborted();
    await writeReceipt(backup.folder, {
      version: 1,
      name,
      destination: destination.name,
      ...place,
      key,
      bytes,
      sha256,
      confirmedBy: by,
      etag: object.etag,
      versionId: object.versionId,
      confirmedAt: new Date().toISOString(),
    }).catch((error: unknown) => {
      throw folderError(error, backup.folder);
    });
    catalog.publish();
    task.progress(100);
    // The verify worker asks for a test of another tool's dumps, and of the newest alone.
    if (dump.manifest.origin === 'dumped')
      await askForRestoreTest(verifications, name, destination.name, verify.schedule, task.log);
    const seconds = Math.round((performance.now() - startedAt) / 100) / 10;
    const shown = 'folder' in place ? { folder: place.folder } : { bucket: place.bucket };
    return { ...shown, key, bytes, seconds, confirmedBy: by };
  });
  await pruneAfterUpload(task, context, destination);
  return result;
}

/** Most dumps that are deleted before a job ends: whoever waits for it must not wait for years of them. */
const PRUNED_AT_ONCE = 20;

/** A fault is logged, and costs no upload. */
async function pruneAfterUpload(
  task: Task<'upload'>,
  context: UploadContext,
  destination: UploadDestination,
): Promise<void> {
  if (destination.keep === undefined) return;
  const { database } = parseBackupName(task.data.name);
  try {
    await pruneDestination(context, destination, { database, atMost: PRUNED_AT_ONCE, signal: task.signal });
  } catch (error) {
    task.log.warn({ err: describeError(error) }, 'could not prune the destination; it is tried again within the hour');
  }
}

function findDestination({ data }: Task<'upload'>, { destinations }: UploadContext): UploadDestination {
  const destination = destinations.get(data.destination);
  if (destination !== undefined) return destination;
  const known = [...destinations.keys()].join(', ');
  throw new PermanentError(`no destination ${data.destination} is configured${known === '' ? '' : `, only ${known}`}`, {
    hint: 'Set S3_BUCKET or COPY_DIR and restart the upload worker; it asks for all missing uploads by itself.',
  });
}

async function findWholeDump(
  { data }: Task<'upload'>,
  { backup, records }: UploadContext,
): Promise<{ readonly dump: KnownDump; readonly manifestText: Buffer }> {
  const dump = await findDumpOutline(records, data.name);
  const manifestText = dump && readManifestToPut(backup.folder, dump.manifest);
  if (dump !== undefined && manifestText !== undefined) return { dump, manifestText };
  throw new PermanentError(`${backup.folder} holds no whole dump ${data.name}`, {
    hint: 'It was pruned, is damaged, or was asked for by somebody who sees another folder: set SITE apart per folder.',
  });
}

/** @throws PermanentError if the file is no longer what its manifest says */
function assertUnchanged({ sha256 }: FileDigest, manifest: ManifestOutline): void {
  if (sha256 === manifest.sha256) return;
  throw new PermanentError(
    `${manifest.name} changed since it was proven: its sha256 is ${sha256}, its manifest says ${manifest.sha256}`,
    { hint: 'The file is damaged or was written to. Check the disk, and dump again.' },
  );
}

/** Looks for evidence, besides the content, that the object under the dump's key is a copy of it gone bad. */
async function wasOurs(
  store: Store,
  metadata: Readonly<Record<string, string>>,
  { manifest, receipts }: KnownDump,
  signal: AbortSignal,
): Promise<boolean> {
  const receipt = receipts.get(store.destination.name);
  if (receipt !== undefined && receiptConfirms(receipt, manifest, store.destination)) return true;
  if (metadata['sha256'] === manifest.sha256) return true;
  const stored = await readStoredManifest(store, manifest.name, signal).catch((error: unknown) => {
    // An object that cannot be read is no evidence.
    if (error instanceof HiddenError || error instanceof ArchivedError) return undefined;
    throw error;
  });
  return stored?.sha256 === manifest.sha256;
}

/** Says which server the backup is of that lies there: two stacks may share a place. */
async function describeOwner(store: Store, name: BackupName, signal: AbortSignal): Promise<string> {
  const stored = await readStoredManifest(store, name, signal).catch(() => undefined);
  signal.throwIfAborted();
  return stored?.identity === undefined ? '' : `; its manifest is of the server ${describeSource(stored.identity)}`;
}

/** @throws RetryableError: the next attempt looks what lies there, and decides anew */
function assertConfirmed(found: Inspection, key: string): Extract<Inspection, { verdict: 'same' }> {
  if (found.verdict === 'same') return found;
  throw new RetryableError(
    found.verdict === 'absent'
      ? `the store took ${key} and does not have it`
      : `the store does not hold what was put to ${key}: ${found.why}`,
  );
}
