import {
  formatBackupName,
  isBackupName,
  NAME_BEGINNINGS,
  type BackupName,
} from '@pgstow/shared/contract/backup-name.ts';
import { manifestFileName, sealedManifestFileName } from '@pgstow/shared/contract/manifest.ts';

/** The key of a dump. The prefix stands before the name as it is. */
export function dumpKey(prefix: string, name: BackupName): string {
  return prefix + name;
}

export function manifestKey(prefix: string, name: BackupName): string {
  return prefix + manifestFileName(name);
}

export function sealedManifestKey(prefix: string, name: BackupName): string {
  return prefix + sealedManifestFileName(name);
}

/** The beginnings of all keys of ours. */
export function keyPrefixes(prefix: string): readonly string[] {
  return NAME_BEGINNINGS.map((beginning) => prefix + beginning);
}

/** Beginnings of the keys of a database's dumps, mostly one. A few other databases may share it. */
export function databasePrefixes(prefix: string, database: string): readonly string[] {
  const starts = [false, true].map((encrypted) => {
    const key = dumpKey(prefix, formatBackupName(database, new Date(0), encrypted));
    return key.slice(0, key.lastIndexOf('19700101_000000'));
  });
  return [...new Set(starts)];
}

/** The dump that a key belongs to; `undefined` if it is not exactly the key of a dump or a manifest of ours. */
export function parseObjectKey(
  prefix: string,
  key: string,
): { readonly name: BackupName; readonly kind: 'dump' | 'manifest' | 'sealed-manifest' } | undefined {
  if (!key.startsWith(prefix)) return undefined;
  const file = key.slice(prefix.length);
  if (isBackupName(file)) return { name: file, kind: 'dump' };
  const name = file.replace(/\.manifest\.json$/, '');
  if (isBackupName(name) && manifestFileName(name) === file) return { name, kind: 'manifest' };
  const sealed = file.replace(/\.manifest\.json\.age$/, '');
  return isBackupName(sealed) && sealedManifestFileName(sealed) === file
    ? { name: sealed, kind: 'sealed-manifest' }
    : undefined;
}
