import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { pinFileName } from '@pgstow/shared/contract/pin.ts';
import { readPin } from './read-records.ts';
import { Records } from './records.ts';

/** Whether a backup is pinned at this moment, or may be: a deletion asks once more, as a person may have pinned it since. */
export function isPinned(folder: string, name: BackupName): boolean {
  const unreadable: string[] = [];
  const pin = readPin(new Records(folder), name, [pinFileName(name)], unreadable);
  return unreadable.length > 0 || (pin !== undefined && pin.unpinnedAt === undefined);
}
