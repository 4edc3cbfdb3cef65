import { acceptanceFileName } from '@pgstow/shared/contract/acceptance.ts';
import {
  formatBackupName,
  isBackupName,
  NAME_BEGINNINGS,
  type BackupName,
} from '@pgstow/shared/contract/backup-name.ts';
import { manifestFileName, sealedManifestFileName } from '@pgstow/shared/contract/manifest.ts';
import { pinFileName } from '@pgstow/shared/contract/pin.ts';

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

/** The key of a copy of a person's word on a dump: its acceptance or its pin. */
export function wordKey(prefix: string, name: BackupName, kind: 'acceptance' | 'pin'): string {
  return prefix + (kind === 'pin' ? pinFileName(name) : acceptanceFileName(name));
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

/** Endings of the objects beside a dump, behind its name. */
const BESIDE = {
  manifest: '.manifest.json',
  'sealed-manifest': '.manifest.json.age',
  acceptance: '.accepted.json',
  pin: '.pinned.json',
} as const;

export type ObjectKind = 'dump' | keyof typeof BESIDE;

/** The dump that a key belongs to; `undefined` if it is not exactly the key of a dump of ours or of what lies beside one. */
export function parseObjectKey(
  prefix: string,
  key: string,
): { readonly name: BackupName; readonly kind: ObjectKind } | undefined {
  if (!key.startsWith(prefix)) return undefined;
  const file = key.slice(prefix.length);
  if (isBackupName(file)) return { name: file, kind: 'dump' };
  for (const [kind, ending] of Object.entries(BESIDE)) {
    const name = file.endsWith(ending) ? file.slice(0, -ending.length) : '';
    if (isBackupName(name)) return { name, kind: kind as keyof typeof BESIDE };
  }
  return undefined;
}
