import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseBackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { Log } from '@pgstow/shared/runtime/log.ts';
import { readFolder } from '@pgstow/catalog/read-folder.ts';

/** The database that a partial is of, if it is a dump's or a manifest's: a receipt's is the upload worker's business. */
export function databaseOfPartial(file: string): string | undefined {
  const [, name] = /^(.*?\.sql\.gz)(?:\.manifest\.json\.[0-9a-f]+)?\.partial$/.exec(file) ?? [];
  return name === undefined ? undefined : parseBackupName(name)?.database;
}

/** Removes what a dead dump worker left half-written of a database. The caller holds the lock of that database. */
export async function sweepPartials(folder: string, database: string, log: Log): Promise<void> {
  const { partials } = await readFolder(folder);
  for (const file of partials) {
    if (databaseOfPartial(file) !== database) continue;
    await rm(join(folder, file), { force: true });
    log.warn({ file }, 'removed what an interrupted dump left behind');
  }
}
