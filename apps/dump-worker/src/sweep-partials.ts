import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isBackupName, parseBackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { Log } from '@pgstow/shared/runtime/log.ts';
import { deleteDump } from '@pgstow/catalog/folder/delete-dump.ts';
import { readFolder } from '@pgstow/catalog/folder/read-folder.ts';

/** The database of what a dead dump worker left, if it is of a dump or a manifest: a receipt's partial is the upload worker's business. */
export function databaseOfPartial(file: string): string | undefined {
  const [, name] =
    /^(.*?\.sql\.gz)(?:(?:\.manifest\.json(?:\.withheld)?\.[0-9a-f]+)?\.partial|\.manifest\.json\.withheld)$/.exec(
      file,
    ) ?? [];
  return name === undefined ? undefined : parseBackupName(name)?.database;
}

/** Removes what a dead dump worker left half-written of a database. The caller holds the lock of that database. */
export async function sweepPartials(folder: string, database: string, log: Log): Promise<void> {
  const { partials } = await readFolder(folder);
  for (const file of partials) {
    if (databaseOfPartial(file) !== database) continue;
    const name = file.slice(0, file.indexOf('.sql.gz') + '.sql.gz'.length);
    // Its dump has no name yet, or is gone already.
    if (file.endsWith('.withheld') && isBackupName(name)) await deleteDump(folder, name);
    await rm(join(folder, file), { force: true });
    log.warn({ file }, 'removed what an interrupted dump left behind');
  }
}
