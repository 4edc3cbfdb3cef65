import { readFolder } from '@pgstow/catalog/folder/read-folder.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import prettyBytes from 'pretty-bytes';
import type { Run } from '../run-to-end.ts';
import { startApp } from '../start-app.ts';
import { waitUntil } from '../wait-until.ts';
import type { Servers } from './start-servers.ts';

/** Starts the dump worker, for which the scheduled job already waits. @returns the manifest of its dump */
export async function startDumpWorker(run: Run, servers: Servers): Promise<Manifest> {
  return run.steps.run('Dump worker', async (report) => {
    await startApp(run, servers, 'dump-worker');
    const manifest = await waitUntil(run, 'the manifest of a scheduled dump', async () => {
      const { dumps } = await readFolder(run.backupDir);
      return dumps.map((dump) => dump.manifest).find(({ origin }) => origin === 'dumped');
    });
    report(`${manifest.name}, ${prettyBytes(manifest.bytes)}`);
    return manifest;
  });
}
