import { readFolder } from '@pgstow/catalog/folder/read-folder.ts';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { dumpKey } from '@pgstow/store/object-key.ts';
import type { Run } from '../run-to-end.ts';
import { KEEP_LAST } from '../start-app.ts';
import { waitUntil } from '../wait-until.ts';
import { BUCKET, PREFIX, type Servers } from './start-servers.ts';

/** Waits until pruning is done. @returns the pruned dumps, all of which the store still has */
export async function watchPrune(
  run: Run,
  { s3 }: Servers,
  older: readonly BackupName[],
): Promise<readonly BackupName[]> {
  return run.steps.run('Prune', async (report) => {
    const kept = await waitUntil(run, `the folder to hold the ${KEEP_LAST} newest dumps`, async () => {
      const names = (await readFolder(run.backupDir)).dumps.map(({ manifest }) => manifest.name);
      return names.length <= KEEP_LAST ? names : undefined;
    });
    if (kept.length < KEEP_LAST) throw new Error(`wanted ${KEEP_LAST} dumps to be kept, found ${kept.length}`);

    const pruned = older.filter((name) => !kept.includes(name));
    const keys = new Set((await s3.listObjects(BUCKET)).map(({ key }) => key));
    const lost = pruned.filter((name) => !keys.has(dumpKey(PREFIX, name)));
    if (lost.length > 0) throw new Error(`wanted only uploaded dumps to be deleted, but ${lost.join(', ')} is lost`);
    report(`${pruned.length} oldest deleted, the store has them; ${kept.length} newest kept`);
    return pruned;
  });
}
