import type { Records } from '@pgstow/catalog/folder/records.ts';
import { objectUrl, placeSettingOf } from '@pgstow/shared/contract/destination.ts';
import type { ManifestOutline } from '@pgstow/shared/contract/manifest.ts';
import { PermanentError, RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { ArchivedError } from '@pgstow/store/archived-error.ts';
import { digestText } from '@pgstow/store/digest-text.ts';
import { lookBeforePut } from '@pgstow/store/look-before-put.ts';
import { compareObject } from '@pgstow/store/object-comparison.ts';
import type { Store, StoredObject } from '@pgstow/store/store.ts';
import { parseManifest, readStoredText } from '@pgstow/store/stored-manifest.ts';
import { manifestToPut } from './manifest-to-put.ts';

/**
 * Puts a dump's manifest beside it, encrypted where the dump says so, and has the store confirm it. Call it once the dump at the store is known to be this one.
 *
 * @param text as `readManifestToPut` has it
 * @throws PermanentError if the manifest of another dump lies there
 */
export async function putManifest(
  store: Store,
  manifest: ManifestOutline,
  text: Buffer,
  signal: AbortSignal,
): Promise<void> {
  const { key } = manifestToPut(manifest, store.destination.prefix);
  const isSealed = manifest.encryption?.sealsManifest === true;
  const isOurs = (object: StoredObject): boolean => object.metadata['sha256'] === manifest.sha256;
  const object = await lookBeforePut(store, key, signal);
  if (object !== undefined) {
    const stored = await readUnlessArchived(store, key, signal);
    if (stored?.equals(text) === true || (stored === undefined && isAsPut(object, manifest, text.length))) return;
    const theirs = stored && parseManifest(stored);
    const sha256 = theirs?.sha256;
    // The dump lost its record and was adopted since: its first manifest, at the store, says more.
    if (sha256 === manifest.sha256 && manifest.origin === 'adopted' && theirs?.origin === 'dumped') return;
    // What it says once it is decrypted is not known here.
    if (isSealed && manifest.origin === 'adopted' && isOurs(object)) return;
    // A text that is no manifest is a damaged one: the dump beside it is ours.
    const isSealedOther = isSealed && object.metadata['sha256'] !== undefined && !isOurs(object);
    const isDamaged = stored !== undefined && sha256 === undefined && !isSealedOther;
    if (!isDamaged && sha256 !== manifest.sha256 && !isOurs(object)) {
      throw new PermanentError(`${objectUrl(store.destination, key)} is the manifest of another dump`, {
        hint: `Move it away, or set another ${placeSettingOf(store.destination)}.`,
      });
    }
  }
  await store.putText(key, text, {
    mode: object === undefined ? 'create' : 'replace',
    contentType: isSealed ? 'text/plain' : 'application/json',
    metadata: { sha256: manifest.sha256 },
    signal,
  });
  // Another writer may have been faster.
  const put = await store.look(key, signal);
  const isSame = put !== undefined && compareObject(put, digestText(text)).verdict === 'same';
  if (!isSame && !(await readStoredText(store, key, signal)).equals(text))
    throw new RetryableError(`${objectUrl(store.destination, key)} is not what was put there`);
}

/** Looks whether the dump's manifest lies at the store, by its size or its metadata. @throws as the store does */
export async function isManifestThere(
  store: Store,
  records: Records,
  manifest: ManifestOutline,
  signal: AbortSignal,
): Promise<boolean> {
  const { file, key } = manifestToPut(manifest, store.destination.prefix);
  const object = await store.look(key, signal);
  return object !== undefined && isAsPut(object, manifest, records.look(file)?.size);
}

function isAsPut(object: StoredObject, manifest: ManifestOutline, bytes: number | undefined): boolean {
  // `putManifest` may have left a richer one of the same dump there.
  const isRicher = manifest.origin === 'adopted' && object.metadata['sha256'] === manifest.sha256;
  return isRicher || object.bytes === bytes;
}

/** `undefined` if a lifecycle rule moved it into an archive. */
async function readUnlessArchived(store: Store, key: string, signal: AbortSignal): Promise<Buffer | undefined> {
  try {
    return await readStoredText(store, key, signal);
  } catch (error) {
    if (error instanceof ArchivedError) return undefined;
    throw error;
  }
}
