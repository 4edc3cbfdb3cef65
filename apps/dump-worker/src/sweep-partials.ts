import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { deleteDump } from '@pgstow/catalog/folder/delete-dump.ts';
import { readPartials } from '@pgstow/catalog/folder/read-folder.ts';
import { isBackupName, parseBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { Log } from '@pgstow/shared/runtime/log/log.ts';

/** The dump that a leftover of the dump itself or of its manifest belongs to. A receipt's partial is the upload worker's. */
function dumpOfPartial(file: string): BackupName | undefined {
  const [, name = ''] =
    /^(.*?\.sql\.gz(?:\.age)?)(?:(?:\.manifest\.json(?:\.withheld|\.age)?\.[0-9a-f]+)?\.partial|\.manifest\.json\.(?:withheld|age))$/.exec(
      file,
    ) ?? [];
  return isBackupName(name) ? name : undefined;
}

/** The database of a dump worker's leftover; `undefined` for any other file. */
export function databaseOfPartial(file: string): string | undefined {
  const name = dumpOfPartial(file);
  return name && parseBackupName(name).database;
}

/** Removes what a dump worker that died left half-written of a database. The caller holds the lock of that database. */
export async function sweepPartials(folder: string, database: string, log: Log): Promise<void> {
  for (const file of await readPartials(folder)) {
    const name = dumpOfPartial(file);
    if (name === undefined || parseBackupName(name).database !== database) continue;
    // Its dump has no name yet, or is gone already.
    if (file.endsWith('.withheld')) await deleteDump(folder, name);
    await rm(join(folder, file), { force: true });
    log.warn({ file }, 'removed what an interrupted dump left behind');
  }
}
