import { acceptanceSchema, type Acceptance } from '@pgstow/shared/contract/acceptance.ts';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { ManifestOutline } from '@pgstow/shared/contract/manifest.ts';
import { parseJson } from '@pgstow/shared/contract/parse-json.ts';
import { pinSchema, type Pin } from '@pgstow/shared/contract/pin.ts';
import { wordKey } from '@pgstow/store/object-key.ts';
import type { Store } from '@pgstow/store/store.ts';
import { readStoredText } from '@pgstow/store/stored-manifest.ts';

/** Reads the copy of an acceptance beside a dump at a store; `undefined` if it is of other content, or none. @throws as the store does */
export async function readStoredAcceptance(
  store: Store,
  { name, sha256 }: Pick<ManifestOutline, 'name' | 'sha256'>,
  signal: AbortSignal,
): Promise<Acceptance | undefined> {
  const text = String(await readStoredText(store, wordKey(store.destination.prefix, name, 'acceptance'), signal));
  const acceptance = parseJson(acceptanceSchema, text);
  return acceptance?.name === name && acceptance.sha256 === sha256 ? acceptance : undefined;
}

/**
 * Reads the copy of a pin beside a dump at a store; `undefined` if the word was taken back. One that cannot be understood pins, in
 * doubt.
 *
 * @throws as the store does
 */
export async function readStoredPin(store: Store, name: BackupName, signal: AbortSignal): Promise<Pin | undefined> {
  const text = String(await readStoredText(store, wordKey(store.destination.prefix, name, 'pin'), signal));
  const pin = parseJson(pinSchema, text);
  if (pin?.name !== name)
    return { version: 1, name, pinnedAt: new Date(0).toISOString(), reason: 'its pin at the store cannot be read' };
  return pin.unpinnedAt === undefined ? pin : undefined;
}
