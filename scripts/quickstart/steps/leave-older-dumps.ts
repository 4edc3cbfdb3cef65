import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { execa } from 'execa';
import type { Run } from '../run-to-end.ts';
import { DATABASE } from './load-sample.ts';
import type { Servers } from './start-servers.ts';

const WEEK_MS = 7 * 24 * 3600 * 1000;
const WEEKS = [5, 4, 3, 2, 1];

/** Writes five dumps like those of a `pg_dump | gzip` script over five weeks: no manifest, nothing uploaded. */
export async function leaveOlderDumps(
  { steps, signal, backupDir }: Run,
  { postgres }: Servers,
): Promise<readonly BackupName[]> {
  return steps.run('Older backups', async (report) => {
    const now = Date.now();
    const names = WEEKS.map((weeks) => formatBackupName(DATABASE, new Date(now - weeks * WEEK_MS)));
    const [first = '', ...others] = names.map((name) => join(backupDir, name));
    report('pg_dump | gzip');
    await execa(join(postgres.binDir, 'pg_dump'), {
      env: postgres.env(DATABASE),
      buffer: false,
      stdin: 'ignore',
      cancelSignal: signal,
    }).pipe('gzip', ['-1'], { buffer: false, stdout: { file: first }, cancelSignal: signal });
    for (const other of others) await copyFile(first, other);
    report(`${names.length} files of another tool, not uploaded yet`);
    return names;
  });
}
