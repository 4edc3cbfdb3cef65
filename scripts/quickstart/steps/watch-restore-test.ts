import { findDump } from '@pgstow/catalog/folder/read-folder.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import type { RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import { unprivilegedUser } from '@pgstow/testing/machine/system-user.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import type { Run } from '../run-to-end.ts';
import { startApp } from '../start-app.ts';
import { waitUntil } from '../wait-until.ts';
import type { Servers } from './start-servers.ts';

/** Starts the verify worker, for which the restore test already waits, and waits for its result. */
export async function watchRestoreTest(run: Run, servers: Servers, manifest: Manifest): Promise<RestoreTest> {
  return run.steps.run('Restore test', async (report) => {
    // Started by root, PostgreSQL runs as another user, who may not enter the quickstart's own folder.
    const { path } = run.stack.use(await tempFolder('pgstow-quickstart-scratch-', unprivilegedUser()));
    await startApp(run, servers, 'verify-worker', { VERIFY_DIR: path });
    report('the verify worker restores the object into a throw-away PostgreSQL');
    const test = await waitUntil(run, `a restore test of ${manifest.name}`, async () => {
      return (await findDump(run.backupDir, manifest.name))?.restoreTests.get('s3');
    });
    if (test.result !== 'good') throw new Error(`wanted a good restore test, got ${test.result}: ${test.reason}`);
    report(`GOOD in ${seconds(test.durationMs)} s, ${describeRestoreTest(test)}`);
    return test;
  });
}

/** Describes what a restore test compared. */
export function describeRestoreTest({ tables, rows, serverVersion, restoreMs }: RestoreTest): string {
  return `${tables} tables with ${rows?.toLocaleString('en')} rows, restored in ${seconds(restoreMs)} s by PostgreSQL ${serverVersion}`;
}

function seconds(ms: number | undefined): string {
  return ((ms ?? 0) / 1000).toFixed(1);
}
