import { findDump } from '@pgstow/catalog/folder/read-folder.ts';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { Run } from '../run-to-end.ts';
import { startApp } from '../start-app.ts';
import { waitUntil } from '../wait-until.ts';
import type { Servers } from './start-servers.ts';

/** Starts the dump worker, which adopts what lies in the folder. */
export async function startDumpWorker(run: Run, servers: Servers, older: readonly BackupName[]): Promise<void> {
  await run.steps.run('Dump worker', async (report) => {
    await startApp(run, servers, 'dump-worker');
    await waitUntil(run, `${older.length} older backups to be adopted`, async () => {
      const dumps = await Promise.all(older.map((name) => findDump(run.backupDir, name)));
      const { length } = dumps.filter((dump) => dump !== undefined);
      report(`${length} older backups adopted`);
      return length === older.length ? true : undefined;
    });
  });
}
