import { isBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { pinFileName, type Pin } from '@pgstow/shared/contract/pin.ts';
import { readPin } from './read-records.ts';
import type { Records } from './records.ts';

/** Reads what is said of pins. @param onUnreadable called for each that is there and cannot be read */
export function readPins(
  records: Records,
  recordFiles: ReadonlyMap<string, readonly string[]>,
  isWanted: (name: BackupName) => boolean,
  onUnreadable: (name: BackupName, file: string) => void,
): ReadonlyMap<BackupName, Pin> {
  const pins = new Map<BackupName, Pin>();
  for (const [name, files] of recordFiles) {
    if (!isBackupName(name) || !files.includes(pinFileName(name)) || !isWanted(name)) continue;
    const unreadable: string[] = [];
    const pin = readPin(records, name, files, unreadable);
    if (pin !== undefined) pins.set(name, pin);
    for (const file of unreadable) onUnreadable(name, file);
  }
  return pins;
}
