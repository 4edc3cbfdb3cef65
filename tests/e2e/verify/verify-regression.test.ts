import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { expect, test } from 'vitest';
import { fillRegressionDatabase, REGRESSION_SOURCES } from '../stage/regression-database.ts';
import { runRestore } from '../stage/restore-stage.ts';
import { startServers } from '../stage/start-servers.ts';
import { setVerifyStage } from '../stage/verify-stage.ts';

test.skipIf(!hasRedis() || !hasPostgres())(
  "the database that PostgreSQL's own tests leave behind is GOOD, and a restore of it equal",
  async ({ skip }) => {
    skip(REGRESSION_SOURCES === undefined, 'PGSTOW_TEST_REGRESSION names no sources of PostgreSQL');
    await using servers = await startServers({});
    await fillRegressionDatabase(servers.postgres, 'regression', REGRESSION_SOURCES!);
    await using stage = await setVerifyStage({ ...servers, databases: 'regression' });
    await stage.startWorker();
    const { name, source } = await stage.dumpAndUpload('regression');
    expect(Object.keys(source!.objects).length).toBeGreaterThan(1000);
    expect(await stage.good(name)).toMatchObject({ differences: [] });
    const args = ['regression', '--to', servers.postgres.url('again'), '--create'];
    const { code, text } = await runRestore(args, { BACKUP_DIR: stage.folder });
    expect({ code, text }).toMatchObject({ code: 0, text: expect.stringContaining('equal to its manifest') });
  },
);
