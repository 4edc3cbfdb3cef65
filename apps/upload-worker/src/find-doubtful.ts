import type { KnownDump } from '@pgstow/catalog/folder/read-folder.ts';
import type { Records } from '@pgstow/catalog/folder/records.ts';
import { isConfirmed } from '@pgstow/catalog/policy/is-confirmed.ts';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { databasePrefixes, dumpKey } from '@pgstow/store/object-key.ts';
import type { ListedObject } from '@pgstow/store/store.ts';
import { manifestToPut } from './manifest-to-put.ts';
import type { UploadDestination } from './upload-destination.ts';

/** Receipts whose objects are looked at one by one, the newest of all. */
const LOOKED_AT = 10;
/** Listings under way at a time, one for each database. */
const CONCURRENCY = 2;

/**
 * Finds the confirmed dumps whose objects are to be looked at: the newest, and of the others those that a listing does not show as
 * their receipts say. Without the right to list, all are.
 *
 * @param dumps oldest first
 * @throws RetryableError as the store does
 */
export async function findDoubtful(
  dumps: readonly KnownDump[],
  records: Records,
  destination: UploadDestination,
  signal: AbortSignal,
): Promise<readonly KnownDump[]> {
  const confirmed = dumps.filter((dump) => isConfirmed(dump, destination));
  const older = confirmed.slice(0, -LOOKED_AT);
  const byDatabase = [...Map.groupBy(older, ({ manifest }) => manifest.database).values()];
  const doubtful = new Set(confirmed.slice(-LOOKED_AT));
  try {
    for (let done = 0; done < byDatabase.length; done += CONCURRENCY) {
      const listings = byDatabase
        .slice(done, done + CONCURRENCY)
        .map((theirs) => findUnlisted(theirs, records, destination, signal));
      for (const unlisted of await Promise.all(listings)) for (const dump of unlisted) doubtful.add(dump);
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof PermanentError) return confirmed;
    throw error;
  }
  return confirmed.filter((dump) => doubtful.has(dump));
}

/** @param dumps of one database, oldest first */
async function findUnlisted(
  dumps: readonly KnownDump[],
  records: Records,
  { name, prefix, store }: UploadDestination,
  signal: AbortSignal,
): Promise<Iterable<KnownDump>> {
  const wanted = new Map<
    string,
    { readonly dump: KnownDump; readonly bytes: number; readonly etag?: string | undefined }
  >();
  const unlisted = new Set<KnownDump>();
  for (const dump of dumps) {
    const receipt = dump.receipts.get(name);
    if (receipt === undefined) continue;
    const { file, key } = manifestToPut(dump.manifest, prefix);
    wanted.set(receipt.key, { dump, bytes: receipt.bytes, etag: receipt.etag });
    wanted.set(key, { dump, bytes: records.look(file)?.size ?? 0 });
  }
  const [oldest] = dumps;
  if (oldest === undefined) return unlisted;
  // A key that lies just before the oldest: the store keeps much that the folder does not.
  const after = dumpKey(prefix, oldest.manifest.name).slice(0, -1);
  for (const start of databasePrefixes(prefix, oldest.manifest.database))
    for await (const object of store.list(start, signal, after))
      if (isAsWanted(object, wanted.get(object.key))) wanted.delete(object.key);
  for (const { dump } of wanted.values()) unlisted.add(dump);
  return unlisted;
}

function isAsWanted(
  { bytes, etag }: ListedObject,
  wanted: { readonly bytes: number; readonly etag?: string | undefined } | undefined,
): boolean {
  return wanted?.bytes === bytes && (wanted.etag === undefined || wanted.etag === etag);
}
