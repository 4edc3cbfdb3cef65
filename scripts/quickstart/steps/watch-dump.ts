import { findDump, readFolder } from '@pgstow/catalog/folder/read-folder.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import prettyBytes from 'pretty-bytes';
import type { Run } from '../run-to-end.ts';
import { waitUntil } from '../wait-until.ts';

/** Waits for the dump that the scheduler has asked for. @returns what it says of itself */
export async function watchDump(run: Run): Promise<Manifest> {
  return run.steps.run('Dump', async (report) => {
    const manifest = await waitUntil(run, 'the manifest of a scheduled dump', async () => {
      const { dumps } = await readFolder(run.backupDir);
      const taken = dumps.find((dump) => dump.manifest.origin === 'dumped');
      return taken && (await findDump(run.backupDir, taken.manifest.name))?.manifest;
    });
    report(`${manifest.name}, ${prettyBytes(manifest.bytes)}`);
    return manifest;
  });
}
