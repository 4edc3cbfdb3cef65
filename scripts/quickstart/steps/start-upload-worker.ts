import { findDump } from '@pgstow/catalog/folder/read-folder.ts';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { Run } from '../run-to-end.ts';
import { startApp } from '../start-app.ts';
import { waitUntil } from '../wait-until.ts';
import type { Servers } from './start-servers.ts';

/** Starts the upload worker, which uploads what the dump worker has adopted. */
export async function startUploadWorker(run: Run, servers: Servers, older: readonly BackupName[]): Promise<void> {
  await run.steps.run('Upload worker', async (report) => {
    await startApp(run, servers, 'upload-worker');
    await waitUntil(run, `${older.length} older backups to be confirmed by the store`, async () => {
      const dumps = await Promise.all(older.map((name) => findDump(run.backupDir, name)));
      const { length } = dumps.filter((dump) => dump !== undefined && dump.receipts.size > 0);
      report(`${length} older backups confirmed by the store`);
      return length === older.length ? true : undefined;
    });
  });
}
