import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { manifestSchema, type Manifest } from '@pgstow/shared/contract/manifest.ts';
import { parseJson } from '@pgstow/shared/contract/parse-json.ts';
import { manifestKey } from './object-key.ts';
import type { Store } from './store.ts';

const MAX_BYTES = 16 * 1024 * 1024;

/**
 * Reads the manifest beside a dump at the store; `undefined` if there is none, or none that is this dump's.
 *
 * @throws as the store does
 */
export async function readStoredManifest(
  store: Store,
  name: BackupName,
  signal: AbortSignal,
): Promise<Manifest | undefined> {
  const key = manifestKey(store.destination.prefix, name);
  if ((await store.look(key, signal)) === undefined) return undefined;
  const manifest = parseManifest(await readStoredText(store, key, signal));
  return manifest?.name === name ? manifest : undefined;
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
