import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { foundDatabasesSchema } from '@pgstow/shared/contract/found-databases.ts';
import { foundResultSchema } from '@pgstow/shared/contract/jobs.ts';
import { EVERY_DATABASE } from '@pgstow/shared/contract/target.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { startHttpEndpoint } from '@pgstow/testing/servers/http-endpoint.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setDumpStage, type DumpStage } from '../stage/dump-stage.ts';
import { runCli } from '../stage/processes/run-cli.ts';
import { startScheduler } from '../stage/processes/start-scheduler.ts';
import { startServers, type Servers } from '../stage/start-servers.ts';
import { postedTo } from '../stage/witnesses/posted-to.ts';

const NONE = { BACKUP_GLOBALS: 'off', VERIFY_SCHEDULE: 'off' };

describe.skipIf(!hasRedis() || !hasPostgres())('POSTGRES_DB=*', () => {
  let servers: Servers;
  beforeAll(async () => {
    servers = await startServers({ shop: 'CREATE TABLE t (a int)', stock: 'CREATE TABLE t (a int)', test_1: '' });
  });
  afterAll(() => servers[Symbol.asyncDispose]());

  const stageOf = (databases = '*') => setDumpStage({ ...servers, databases });
  /** Has the server looked at, and waits for the dumps of what was found. @returns the databases */
  async function run(stage: DumpStage): Promise<readonly string[]> {
    const job = await stage.dumps.add('scheduled', { target: EVERY_DATABASE });
    const { dumps } = await eventually(async () => {
      const found = await stage.dumps.getJob(job.id ?? '');
      if (found?.failedReason) throw new Error(found.failedReason);
      return found?.returnvalue ? foundResultSchema.parse(found.returnvalue) : false;
    });
    for (const { job } of dumps) await stage.completed((await stage.dumps.getJob(job))!);
    return dumps.map(({ target }) => target);
  }
  const found = async (stage: DumpStage) =>
    foundDatabasesSchema.parse(JSON.parse(await readFile(join(stage.folder, 'databases.json'), 'utf8')));
  const dumped = async (stage: DumpStage) => (await stage.known()).map(({ manifest }) => manifest.database).sort();

  test('dumps what is there at each run, keeps what is gone until it is released, and says so', async () => {
    await using stage = await stageOf();
    const settings = { ...stage.settings, ...NONE, POSTGRES_DB_EXCLUDE: 'postgres,test_?' };
    await using scheduler = await startScheduler(settings);
    await stage.startWorker(settings);
    // The scheduler's entry asks for the first run.
    await eventually(async () => expect(await dumped(stage)).toEqual(['shop', 'stock']));
    expect((await found(stage)).databases.map(({ database }) => database)).toEqual([
      'postgres',
      'shop',
      'stock',
      'test_1',
    ]);

    await servers.postgres.createDatabase('new');
    await servers.postgres.psql('postgres', 'ALTER DATABASE stock RENAME TO store');
    await servers.postgres.dropDatabase('shop');
    expect(await run(stage)).toEqual(['new', 'store']);
    expect((await found(stage)).databases.filter(({ goneSince }) => goneSince !== undefined)).toMatchObject([
      { database: 'shop' },
      { database: 'stock', renamedTo: 'store' },
    ]);

    const page = await eventually(async () => {
      const text = await (await scheduler.request('/')).text();
      return text.includes('Gone from the server') && text;
    });
    expect(page).toMatch(/Both databases are protected/);
    expect(page).toMatch(/Renamed to store/);
    const health = (await (await scheduler.request('/healthz')).json()) as { databases: unknown };
    expect(health.databases).toMatchObject({ total: 2, protected: 2 });
    const metrics = await (await scheduler.request('/metrics')).text();
    expect(metrics).toMatch(/pgstow_database_protected\{database="new"\} 1/);
    expect(metrics).not.toMatch(/database="shop"/);

    const status = await runCli(['status'], settings);
    expect(status.stdout).toMatch(/^new .*healthy\nstore .*healthy$/m);
    expect(status.stdout).toMatch(/^shop: gone from the server for .*; its backup .* until: pgstow release shop$/m);
    expect(status.stdout).toMatch(/^stock: renamed to store for /m);
    expect(status.code).toBe(0);
    const json = JSON.parse((await runCli(['status', '--json'], settings)).stdout) as { gone: object[] };
    expect(json.gone).toMatchObject([{ database: 'shop' }, { database: 'stock', renamedTo: 'store' }]);

    expect(await runCli(['release', 'store', '--yes'], settings)).toMatchObject({ code: 3 });
    const shown = await runCli(['release', 'shop'], settings);
    expect(shown).toMatchObject({ code: 3, stdout: expect.stringMatching(/nowhere else +backup_shop_/) });
    expect(await dumped(stage)).toEqual(['new', 'shop', 'stock', 'store']);
    expect(await runCli(['release', 'shop', '--yes'], settings)).toMatchObject({ code: 0 });
    expect(await dumped(stage)).toEqual(['new', 'stock', 'store']);
    await run(stage);
    expect((await found(stage)).databases.map(({ database }) => database)).not.toContain('shop');
  });

  test('is a failed run with an alarm where the role may not list them, and drops nothing', async () => {
    await using endpoint = await startHttpEndpoint();
    await using stage = await stageOf('*');
    const settings = { ...NONE, NOTIFY_URLS: `${endpoint.url}/notify/x`, POSTGRES_DB_EXCLUDE: 'template*' };
    await servers.postgres.psql('postgres', `CREATE ROLE blind LOGIN PASSWORD 'p'; GRANT pg_read_all_data TO blind`);
    const worker = await stage.startWorker(settings);
    await run(stage);
    const before = await found(stage);
    await worker.stop();

    const databases = before.databases.map(({ database }) => database);
    for (const each of [...databases, 'template1'])
      await servers.postgres.psql(each, 'REVOKE SELECT ON pg_database FROM PUBLIC, pg_read_all_data');
    await servers.postgres.psql('postgres', 'REVOKE pg_read_all_data FROM blind');
    await stage.startWorker({ ...settings, POSTGRES_USER: 'blind', POSTGRES_PASSWORD: 'p' });
    const job = await stage.dumps.add('scheduled', { target: EVERY_DATABASE });
    expect(await stage.failed(job)).toMatch(/the role may not list the databases of the server.*GRANT SELECT/s);
    await eventually(() =>
      expect(postedTo(endpoint, '/notify/')).toMatchObject([
        { kind: 'dump-failed', title: 'The dump of "*" failed', event: 'raised' },
      ]),
    );
    expect(await found(stage)).toEqual(before);
    for (const each of [...databases, 'template1'])
      await servers.postgres.psql(each, 'GRANT SELECT ON pg_database TO PUBLIC');
  });

  test('with patterns asks for some, and a person for all of them at once', async () => {
    await using stage = await stageOf('te*,"postgres"');
    await stage.startWorker(NONE);
    const settings = { ...stage.settings, ...NONE };
    const ended = await runCli(['dump', '--wait'], settings);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(await dumped(stage)).toEqual(['postgres', 'test_1']);
    expect(await runCli(['dump', 'stock'], settings)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('expected a configured database ("postgres", "test_1"), got "stock"'),
    });
    const doctor = await runCli(['doctor', '--json'], { ...settings, BACKUP_GLOBALS: 'with-passwords' });
    const { findings } = JSON.parse(doctor.stdout) as { findings: readonly { check: string }[] };
    const about = findings.filter(({ check }) => /^postgres\.(?:databases|globals)$/.test(check));
    expect(about).toMatchObject([
      { check: 'postgres.databases', status: 'ok', message: expect.stringMatching(/^2 of the server's \d databases/) },
      { check: 'postgres.globals', status: 'ok', message: expect.stringMatching(/with passwords$/) },
    ]);
  });
});
