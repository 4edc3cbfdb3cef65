import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isSuspect } from '@pgstow/catalog/policy/suspect-dump.ts';
import { runIdOf } from '@pgstow/notify/heartbeat/run-id.ts';
import { acceptanceFileName } from '@pgstow/shared/contract/acceptance.ts';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { verifyJobId } from '@pgstow/shared/contract/jobs.ts';
import { manifestFileName } from '@pgstow/shared/contract/manifest.ts';
import { LOCAL } from '@pgstow/shared/contract/restore-test.ts';
import { openQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { startProcess } from '@pgstow/testing/processes/worker-process.ts';
import { startHttpEndpoint, type HttpEndpoint } from '@pgstow/testing/servers/http-endpoint.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { noiseTable, setDumpStage, type DumpStage } from '../stage/dump-stage.ts';
import { runCli } from '../stage/processes/run-cli.ts';
import { mainOf } from '../stage/processes/start-app.ts';
import { startScheduler } from '../stage/processes/start-scheduler.ts';
import { hoursAgo } from '../stage/publish-catalog.ts';
import { BUCKET, settingsOf } from '../stage/settings-of.ts';
import { startServers, type Servers } from '../stage/start-servers.ts';
import { makeDump } from '../stage/upload-stage.ts';
import { postedTo } from '../stage/witnesses/posted-to.ts';

describe.skipIf(!hasRedis() || !hasPostgres()).concurrent('a dump of a database that was emptied', () => {
  let servers: Servers;
  beforeAll(async () => {
    servers = await startServers({ shop: 'CREATE TABLE t (a text)', crm: '', till: '' });
  });
  afterAll(() => servers[Symbol.asyncDispose]());

  const toldTo = (endpoint: HttpEndpoint) => ({
    HEARTBEAT_URL: `${endpoint.url}/ping`,
    NOTIFY_URLS: `${endpoint.url}/notify`,
  });
  const told = (endpoint: HttpEndpoint) => postedTo(endpoint, '/notify');
  const pings = ({ requests }: HttpEndpoint) =>
    requests.filter(({ path }) => path.startsWith('/ping')).map(({ path }) => path);
  const namesOf = async (stage: DumpStage) => (await stage.known()).map(({ manifest }) => manifest.name);

  test('is kept, uploaded and notified of once, does not count, and counts once a person has accepted it', async () => {
    await using endpoint = await startHttpEndpoint();
    await using stage = await setDumpStage({ ...servers, databases: 'shop' });
    const env = {
      ...stage.settings,
      ...settingsOf({ s3: servers.s3 }),
      ...toldTo(endpoint),
      BACKUP_INTERVAL: '86400',
      BACKUP_KEEP_LAST: '2',
      VERIFY_SCHEDULE: 'off',
    };
    const good: BackupName[] = [];
    for (const hours of [108, 84, 60]) {
      const manifest = await makeDump(stage.folder, { takenAt: hoursAgo(hours), bytes: 20_000 });
      good.push(manifest.name);
    }
    await using uploader = await startProcess({ script: mainOf('upload-worker'), env });
    const isUploaded = async (...names: readonly BackupName[]) => {
      const there = (await stage.known()).filter(({ receipts }) => receipts.has('s3'));
      return names.every((name) => there.some(({ manifest }) => manifest.name === name));
    };
    await eventually(() => isUploaded(...good));
    // For the newest dump alone.
    await eventually(() => pings(endpoint).length === 1);

    const worker = await stage.startWorker(env);
    const job = await stage.enqueue('shop');
    const { manifest: first } = await stage.completed(job);
    expect(first.suspect).toMatchObject({ percent: expect.any(Number), usualRows: expect.any(Number) });
    await eventually(() => isUploaded(first.name));
    expect((await servers.s3.getObject(BUCKET, `${first.name}.manifest.json`)).toString()).toContain('"suspect"');
    const why = /it has [\d.]+ kB of SQL, \d+ % of what the last good ones had, and no row where they had \d+/;
    expect((await stage.dumps.getJob(job.id!))?.returnvalue).toMatchObject({ suspect: expect.stringMatching(why) });
    expect(await stage.logOf(job)).toMatch(new RegExp(`SUSPECT: ${why.source}; it is kept, and does not count`));
    expect(await stage.logOf(job)).toContain(`nothing is deleted while the newest, ${first.name}, is suspect`);

    const { manifest: second } = await stage.dump('shop');
    await eventually(() => isUploaded(second.name));
    await worker.stop();
    expect(await namesOf(stage)).toEqual([...good, first.name, second.name]);
    expect(told(endpoint)).toEqual([
      expect.objectContaining({
        event: 'raised',
        kind: 'dump-suspect',
        database: 'shop',
        name: first.name,
        happened: expect.stringMatching(why),
        safe: expect.stringMatching(`^${good[2]}, taken 2d 12h ago, the newest of 3, in the backup folder and at s3`),
        hint: expect.stringContaining(`pgstow accept ${first.name}`),
      }),
    ]);
    const runs = [first, second].map(({ name }) => `?rid=${runIdOf(name)}`);
    expect(pings(endpoint).slice(1).toSorted()).toEqual(
      runs.flatMap((rid) => [`/ping/start${rid}`, `/ping/fail${rid}`]).toSorted(),
    );

    const cli = (...args: readonly string[]) => runCli(args, env);
    const status = await cli('status');
    expect(status.code).toBe(6);
    expect(status.stdout).toMatch(/, suspect .*NOT HEALTHY/);
    expect(status.stdout).toContain(
      'its newest backup at s3 is 2d 12h old, and one every 1d is wanted; 2 newer ones are suspect',
    );
    expect(status.stdout).toContain(`its newest dump, ${second.name}, is suspect and does not count`);
    expect((await cli('list', 'shop')).stdout.match(/ suspect$/gm)).toHaveLength(2);
    expect((await cli('prune', '--dry-run')).stdout).not.toMatch(/^delete/m);

    await using scheduler = await startScheduler(env);
    const pageOf = async (path: string) => (await scheduler.request(path)).text();
    expect((await scheduler.request('/healthz')).status).toBe(503);
    expect(await pageOf('/')).toMatch(/<h2 id="alarms">Alarms<\/h2>[^]*A dump of shop is SUSPECT[^]*pgstow accept/);
    expect(await pageOf('/metrics')).toMatch(/^pgstow_pruning_frozen\{database="shop",reason="shrink"\} 1$/m);

    const refused = await cli('accept', good[0]!);
    expect([refused.code, refused.stderr]).toEqual([3, expect.stringContaining(`${good[0]} is not suspect`)]);
    expect((await cli('accept', 'backup_shop_20200101_000000.sql.gz')).code).toBe(1);
    const older = await cli('accept', first.name);
    expect([older.code, older.stdout]).toEqual([0, expect.stringContaining(`${second.name} is newer than`)]);
    expect((await scheduler.request('/healthz')).status).toBe(200);
    expect(await pageOf('/metrics')).toMatch(/^pgstow_newest_dump_suspect\{database="shop"\} 1$/m);
    const accepted = await cli('accept', 'latest', '--reason', 'moved to the archive');
    expect([accepted.code, accepted.stderr]).toEqual([0, '']);
    expect(accepted.stdout).toMatch(new RegExp(`^accepted ${second.name}: ${why.source}\n`));
    expect(await cli('accept', second.name)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`${second.name} is accepted already, since 20`),
    });
    const record = await readFile(join(stage.folder, acceptanceFileName(second.name)), 'utf8');
    expect(JSON.parse(record)).toMatchObject({ name: second.name, reason: 'moved to the archive' });
    expect(await pageOf('/metrics')).toMatch(/^pgstow_newest_dump_suspect\{database="shop"\} 0$/m);
    expect((await cli('status')).code).toBe(0);
    await scheduler.process.stop();

    // The scheduler judges at its start, and every minute.
    {
      await using later = await startScheduler(env);
      await eventually(() => told(endpoint).length > 1);
      const page = await (await later.request('/')).text();
      expect(page).toContain('Your database is protected');
      expect(page).not.toContain('id="alarms"');
    }
    expect(told(endpoint).slice(1)).toMatchObject([
      {
        event: 'recovered',
        kind: 'dump-suspect',
        name: second.name,
        happened: `${second.name} was accepted: it counts.`,
      },
    ]);

    // From now on, this size is usual. Older dumps are pruned.
    await stage.startWorker(env);
    const third = await eventually(async () => (await namesOf(stage)).find((name) => name > second.name) ?? null);
    await eventually(async () => expect(await namesOf(stage)).toEqual([second.name, third]));
    expect((await stage.known()).some(isSuspect)).toBe(false);
    await eventually(() => expect(pings(endpoint)).toContain(`/ping?rid=${runIdOf(third)}`));
    expect(told(endpoint)).toHaveLength(2);
    expect((await readdir(stage.folder)).filter((file) => file.includes(first.name))).toEqual([]);
    await uploader.stop();
  });

  test('is suspect after a crash before its record as well, and one of usual size ends that', async () => {
    await using endpoint = await startHttpEndpoint();
    await using stage = await setDumpStage({ ...servers, databases: 'crm' });
    const env = { ...toldTo(endpoint), BACKUP_KEEP_LAST: '1' };
    await servers.postgres.psql('crm', noiseTable(1));
    const worker = await stage.startWorker(env);
    const { manifest: good } = await stage.dump('crm');
    await servers.postgres.psql('crm', 'DELETE FROM noise WHERE i > 1');
    const asked = await runCli(['dump', 'crm', '--wait'], { ...stage.settings, ...env });
    const { manifest: small } = (await stage.known()).at(-1)!;
    expect(small.suspect).toEqual({ percent: 0, usualSqlBytes: good.sqlBytes, usualRows: 1000, rows: 1 });
    expect([asked.code, asked.stderr]).toEqual([
      1,
      expect.stringContaining(`${small.name} is suspect and does not count`),
    ]);
    // Restore tests treat it like any other dump.
    await using tests = openQueue('verify', stage.site, stage.redis);
    expect(await tests.getJobState(verifyJobId(small.name, LOCAL))).toBe('prioritized');
    await worker.kill();
    // As after a worker was killed before its record, and Redis was emptied.
    await rm(join(stage.folder, manifestFileName(small.name)));
    await stage.redis.del(`pgstow:${stage.site}:alarms`);

    const again = await stage.startWorker(env);
    await eventually(() => expect(told(endpoint)).toHaveLength(2));
    expect(told(endpoint).map(({ event, kind, name }) => [event, kind, name])).toEqual([
      ['raised', 'dump-suspect', small.name],
      ['raised', 'dump-suspect', small.name],
    ]);
    const [, adopted] = await stage.known();
    expect(adopted?.manifest).toMatchObject({ origin: 'adopted', suspect: small.suspect });
    expect(await namesOf(stage)).toEqual([good.name, small.name]);

    await servers.postgres.psql('crm', `DROP TABLE noise; ${noiseTable(1)}`);
    const { manifest: whole } = await stage.dump('crm');
    await eventually(async () => expect(await namesOf(stage)).toEqual([whole.name]));
    await eventually(() => expect(told(endpoint)).toHaveLength(3));
    expect(told(endpoint)[2]).toMatchObject({ event: 'recovered', kind: 'dump-suspect', name: whole.name });
    expect(pings(endpoint).at(-1)).toBe(`/ping?rid=${runIdOf(whole.name)}`);
    await again.stop();
  });

  test('by its rows is found out though its schema is most of it, and one that lost half of them is warned of', async () => {
    await using endpoint = await startHttpEndpoint();
    await using stage = await setDumpStage({ ...servers, databases: 'till' });
    const tables = Array.from({ length: 60 }, (_, i) => `CREATE TABLE t${i} (id int PRIMARY KEY, note text NOT NULL);`);
    await servers.postgres.psql(
      'till',
      `${tables.join('')}
      CREATE TABLE schema_migrations AS SELECT generate_series(1, 60) AS id;
      CREATE TABLE customers AS SELECT generate_series(1, 4000) AS id;
      CREATE TABLE orders AS SELECT generate_series(1, 6000) AS id`,
    );
    const worker = await stage.startWorker({ ...toldTo(endpoint), BACKUP_KEEP_LAST: '2' });
    const { manifest: whole } = await stage.dump('till');
    await servers.postgres.psql('till', 'DELETE FROM orders WHERE id > 2000');
    const { manifest: half } = await stage.dump('till');
    await eventually(() => expect(told(endpoint)).toHaveLength(1));
    expect(told(endpoint)[0]).toMatchObject({
      event: 'raised',
      kind: 'dump-shrunk',
      severity: 'warning',
      name: half.name,
      happened: expect.stringContaining('6,060 rows where they had 10,060'),
    });

    await servers.postgres.psql('till', 'TRUNCATE customers, orders');
    const lost = [await stage.dump('till'), await stage.dump('till'), await stage.dump('till')];
    for (const { manifest } of lost)
      expect(manifest.suspect).toMatchObject({ rows: 60, lostTables: { 'public.customers': 4000 } });
    await eventually(() => expect(told(endpoint)).toHaveLength(2));
    expect(told(endpoint)[1]).toMatchObject({
      kind: 'dump-suspect',
      happened: expect.stringMatching(/60 rows where they had .*without a row now: public\.customers \(4,000\)/),
    });
    expect(await namesOf(stage)).toEqual([whole.name, half.name, ...lost.map(({ manifest }) => manifest.name)]);
    await worker.stop();
  });
});
