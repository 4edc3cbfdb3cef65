import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readManifestText } from '@pgstow/catalog/folder/read-records.ts';
import { manifestFileName, sealedManifestFileName, type ManifestOutline } from '@pgstow/shared/contract/manifest.ts';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { manifestKey, sealedManifestKey } from '@pgstow/store/object-key.ts';

/** The file and the key of the manifest that a destination gets: the encrypted one, where the dump says so. */
export function manifestToPut(
  { name, encryption }: Pick<ManifestOutline, 'name' | 'encryption'>,
  prefix: string,
): { readonly file: string; readonly key: string } {
  return encryption?.sealsManifest === true
    ? { file: sealedManifestFileName(name), key: sealedManifestKey(prefix, name) }
    : { file: manifestFileName(name), key: manifestKey(prefix, name) };
}

/**
 * The manifest as destinations get it; `undefined` if it is gone.
 *
 * @throws PermanentError if the encrypted one alone is gone, which the dump worker writes first
 */
export function readManifestToPut(folder: string, manifest: ManifestOutline): Buffer | undefined {
  if (manifest.encryption?.sealsManifest !== true) return readManifestText(folder, manifest.name);
  const { file } = manifestToPut(manifest, '');
  try {
    return readFileSync(join(folder, file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new PermanentError(`${file} is gone, and the manifest goes to destinations only encrypted`, {
      hint: `Encrypt it anew: age -a -r … -o ${file} ${file.replace(/\.age$/, '')}.`,
    });
  }
}
