import { manifestSchema, type Manifest } from '@pgstow/shared/contract/manifest.ts';
import { PermanentError, RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { manifestKey } from '@pgstow/store/object-key.ts';
import type { Store } from '@pgstow/store/store.ts';

const MAX_BYTES = 16 * 1024 * 1024;

/**
 * The sha256 that the manifest at the store names: that of the dump which once was put beside it. `undefined` if there
 * is no manifest or it cannot be read as one.
 */
export async function readStoredSha256(
  store: Store,
  manifest: Manifest,
  signal: AbortSignal,
): Promise<string | undefined> {
  const key = manifestKey(store.place.prefix, manifest.name);
  const object = await store.look(key, signal);
  return object === undefined ? undefined : sha256In(await readText(store, key, signal));
}

/**
 * Puts a dump's manifest beside it, and reads it back. Call it once the dump at the store is known to be this one.
 *
 * @throws PermanentError if the manifest of another dump lies there
 */
export async function putManifest(store: Store, manifest: Manifest, signal: AbortSignal): Promise<void> {
  const key = manifestKey(store.place.prefix, manifest.name);
  const text = formatManifest(manifest);
  const object = await store.look(key, signal);
  if (object !== undefined) {
    const stored = await readText(store, key, signal);
    if (stored === text) return;
    const sha256 = sha256In(stored);
    // What cannot be read as a manifest is a damaged one: the dump that it lies beside is ours.
    const isOurs = sha256 === undefined || sha256 === manifest.sha256 || object.metadata['sha256'] === manifest.sha256;
    if (!isOurs) {
      throw new PermanentError(`s3://${store.place.bucket}/${key} is the manifest of another dump`, {
        hint: 'Move it away, or set another S3_PREFIX.',
      });
    }
  }
  const outcome = await store.putText(key, text, {
    mode: object === undefined ? 'create' : 'replace',
    contentType: 'application/json',
    metadata: { sha256: manifest.sha256 },
    signal,
  });
  if (outcome === 'occupied' || (await readText(store, key, signal)) !== text)
    throw new RetryableError(`s3://${store.place.bucket}/${key} is not what was put there`);
}

/** Whether something of the right size lies where the manifest was put. */
export async function isManifestThere(store: Store, manifest: Manifest, signal: AbortSignal): Promise<boolean> {
  const object = await store.look(manifestKey(store.place.prefix, manifest.name), signal);
  return object?.bytes === Buffer.byteLength(formatManifest(manifest));
}

function formatManifest(manifest: Manifest): string {
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

async function readText(store: Store, key: string, signal: AbortSignal): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of store.read(key, signal)) {
    bytes += chunk.length;
    // No manifest is that large, and nobody shall fill our memory.
    if (bytes > MAX_BYTES) return '';
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function sha256In(text: string): string | undefined {
  try {
    return manifestSchema.safeParse(JSON.parse(text)).data?.sha256;
  } catch {
    return undefined;
  }
}
