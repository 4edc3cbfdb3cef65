import { parseBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';

/** Manifests that are read before a time: of so many dumps, one is good, and a second server under the name shows. */
const BEFORE = 100;
/** Manifests that are read behind it: a name may be some seconds younger than its dump. */
const BEHIND = 5;

/**
 * Chooses the manifests that say which is the newest backup at a time. The very newest is among them: a clock that was ahead may have
 * named it.
 */
export function manifestsAround(time: Date): (names: readonly BackupName[]) => readonly BackupName[] {
  return (names) => {
    const first = names.findIndex((name) => parseBackupName(name).takenAt <= time);
    const start = Math.max(0, (first < 0 ? names.length : first) - BEHIND);
    return [...new Set([...names.slice(0, 1), ...names.slice(start, start + BEHIND + BEFORE)])];
  };
}
