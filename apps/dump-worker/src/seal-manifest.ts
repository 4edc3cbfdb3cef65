import { writeSealedManifest } from '@pgstow/catalog/folder/write-record.ts';
import { encryptText } from '@pgstow/postgres/age/age-text.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import type { DumpContext } from './context.ts';

/**
 * Encrypts the manifest of an encrypted dump beside it, where destinations are to get it so. It comes before the manifest, which says
 * that it is there.
 *
 * @returns the manifest to record
 */
export async function sealManifest(
  { backup, encryption }: Pick<DumpContext, 'backup' | 'encryption'>,
  manifest: Manifest,
): Promise<Manifest> {
  if (!encryption.sealsManifests || manifest.encryption === undefined) return manifest;
  const sealed: Manifest = { ...manifest, encryption: { ...manifest.encryption, sealsManifest: true } };
  const text = `${JSON.stringify(sealed, undefined, 2)}\n`;
  const recipients = manifest.encryption.recipients ?? encryption.recipients;
  await writeSealedManifest(backup.folder, manifest.name, await encryptText(text, recipients));
  return sealed;
}
