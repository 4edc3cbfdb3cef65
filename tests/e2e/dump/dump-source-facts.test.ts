import { eventually } from '@pgstow/testing/eventually.ts';
import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { holdDump, noiseTable, setDumpStage } from '../stage/dump-stage.ts';
import { startServers, type Servers } from '../stage/start-servers.ts';

describe.skipIf(!hasRedis() || !hasPostgres())('what the source held', { concurrent: true }, () => {
  let servers: Servers;
  beforeAll(async () => {
    servers = await startServers({ shop: `${noiseTable(40)}; CREATE TABLE "Order" AS SELECT 1 AS a` });
  });
  afterAll(() => servers[Symbol.asyncDispose]());

  test('stands in the manifest, as of the snapshot of the dump', async () => {
    await servers.postgres.psql('postgres', 'CREATE DATABASE busy TEMPLATE shop');
    await using stage = await setDumpStage({ ...servers, databases: 'busy' });
    const worker = await stage.startWorker();
    const { job, pid: pgDump } = await holdDump(stage, worker, servers.postgres, 'busy');
    await servers.postgres.psql('busy', 'DELETE FROM noise WHERE i % 2 = 0; DELETE FROM "Order"');
    process.kill(pgDump, 'SIGCONT');
    const { manifest } = await stage.completed(job);
    expect(manifest.tables).toEqual({ 'public.noise': 40_000, 'public."Order"': 1 });
    expect(manifest.source).toMatchObject({
      counted: 'exact',
      tables: manifest.tables,
      encoding: 'UTF8',
      objects: { 'table public.noise': { columns: expect.any(String) }, 'table public."Order"': expect.any(Object) },
    });
  });

  test('is left out if the source cannot be asked, which costs no backup', async () => {
    await servers.postgres.psql('postgres', 'CREATE DATABASE cut TEMPLATE shop');
    await using stage = await setDumpStage({ ...servers, databases: 'cut' });
    const worker = await stage.startWorker();
    const { job, pid: pgDump } = await holdDump(stage, worker, servers.postgres, 'cut');
    const end = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE application_name = 'source of pgstow ${job.id}' AND datname = 'cut'`;
    // A session that asked before the dump may not have gone yet.
    await eventually(async () => (await servers.postgres.psql('postgres', end)).startsWith('t'));
    process.kill(pgDump, 'SIGCONT');
    const { manifest } = await stage.completed(job);
    expect(manifest.tables).toMatchObject({ 'public.noise': 40_000 });
    expect(manifest.source).toBeUndefined();
    await worker.waitForLine(/could not be asked what the dump must hold/);
  });

  test.each([
    ['role', `CONNECTION LIMIT 1`, ''],
    ['database', '', `ALTER DATABASE "lonely database" CONNECTION LIMIT 1`],
  ])('is left out where the %s may have one connection only', async (what, ofRole, ofDatabase) => {
    const name = `lonely ${what}`;
    await servers.postgres.psql('postgres', `CREATE DATABASE "${name}" TEMPLATE shop`);
    const role = `CREATE ROLE "${name}" LOGIN PASSWORD 'x' ${ofRole} IN ROLE pg_read_all_data`;
    await servers.postgres.psql('postgres', `${role}; ${ofDatabase}`);
    await using stage = await setDumpStage({ ...servers, databases: name });
    const worker = await stage.startWorker({ POSTGRES_USER: name, POSTGRES_PASSWORD: 'x' });
    expect((await stage.dump(name)).manifest.source).toBeUndefined();
    await worker.waitForLine(/no second connection is left/);
  });

  test('is not counted where that is not wanted', async () => {
    await using stage = await setDumpStage({ ...servers, databases: 'shop' });
    await stage.startWorker({ VERIFY_SOURCE_COUNTS: 'off' });
    const { manifest } = await stage.dump('shop');
    expect(manifest.source).toMatchObject({ counted: 'off', tables: {} });
    expect(manifest.source?.objects).toHaveProperty(['table public.noise']);
  });
});
