import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { manifestSchema, type Manifest } from '@pgstow/shared/contract/manifest.ts';
import { parseJson } from '@pgstow/shared/contract/parse-json.ts';
import { manifestKey, sealedManifestKey } from './object-key.ts';
import type { Store } from './store.ts';

const MAX_BYTES = 16 * 1024 * 1024;

/** Decrypts a manifest that lies encrypted at a store. Rejects if it cannot. */
export type DecryptManifest = (sealed: Buffer) => Promise<Buffer>;

/**
 * Reads the manifest beside a dump at the store; `undefined` if there is none, or none that is this dump's.
 *
 * @param decrypt reads one that is encrypted; without it, that is none
 * @throws as the store and `decrypt` do
 */
export async function readStoredManifest(
  store: Store,
  name: BackupName,
  signal: AbortSignal,
  decrypt?: DecryptManifest,
): Promise<Manifest | undefined> {
  const key = manifestKey(store.destination.prefix, name);
  const text =
    (await store.look(key, signal)) !== undefined
      ? await readStoredText(store, key, signal)
      : decrypt && (await readSealed(store, name, signal, decrypt));
  const manifest = text === undefined ? undefined : parseManifest(text);
  return manifest?.name === name ? manifest : undefined;
}

async function readSealed(
  store: Store,
  name: BackupName,
  signal: AbortSignal,
  decrypt: DecryptManifest,
): Promise<Buffer | undefined> {
  const key = sealedManifestKey(store.destination.prefix, name);
  if ((await store.look(key, signal)) === undefined) return undefined;
  return await decrypt(await readStoredText(store, key, signal));
}

/** Reads a small object's text; empty if it is larger than any manifest, which would fill the memory. */
export async function readStoredText(store: Store, key: string, signal: AbortSignal): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of store.read(key, signal)) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) return Buffer.alloc(0);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Parses any dump's manifest; `undefined` if the text is none. */
export function parseManifest(text: Buffer): Manifest | undefined {
  return parseJson(manifestSchema, text.toString());
}
