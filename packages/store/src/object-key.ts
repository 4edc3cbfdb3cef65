import { formatBackupName, isBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { manifestFileName } from '@pgstow/shared/contract/manifest.ts';

/** The key of a dump. The prefix stands before the name as it is. */
export function dumpKey(prefix: string, name: BackupName): string {
  return prefix + name;
}

export function manifestKey(prefix: string, name: BackupName): string {
  return prefix + manifestFileName(name);
}

/** The beginning of every key of ours. */
export function keyPrefix(prefix: string): string {
  return `${prefix}backup_`;
}

/** The beginning of the keys of a database's dumps. A few other databases may share it. */
export function databasePrefix(prefix: string, database: string): string {
  const key = dumpKey(prefix, formatBackupName(database, new Date(0)));
  return key.slice(0, -'19700101_000000.sql.gz'.length);
}

/** The dump that a key belongs to; `undefined` if it is not exactly the key of a dump or a manifest of ours. */
export function parseObjectKey(
  prefix: string,
  key: string,
): { readonly name: BackupName; readonly kind: 'dump' | 'manifest' } | undefined {
  if (!key.startsWith(prefix)) return undefined;
  const file = key.slice(prefix.length);
  if (isBackupName(file)) return { name: file, kind: 'dump' };
  const name = file.replace(/\.manifest\.json$/, '');
  return isBackupName(name) && manifestFileName(name) === file ? { name, kind: 'manifest' } : undefined;
}
