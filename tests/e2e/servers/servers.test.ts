import { readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { readFolder } from '@pgstow/catalog/folder/read-folder.ts';
import { scheduleId } from '@pgstow/shared/contract/jobs.ts';
import { openQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import { connectRedis, type RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { unprivilegedUser } from '@pgstow/testing/machine/system-user.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import type { BoundProcess } from '@pgstow/testing/processes/bound-process.ts';
import { startHttpEndpoint, type HttpEndpoint } from '@pgstow/testing/servers/http-endpoint.ts';
import { startPostgres, type PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import { startRedis } from '@pgstow/testing/servers/redis-server.ts';
import { startS3, type S3Server } from '@pgstow/testing/servers/s3-server.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../stage/processes/run-cli.ts';
import { apps, startApp, type App } from '../stage/processes/start-app.ts';
import { log } from '../stage/processes/start-connected-redis.ts';
import { basic } from '../stage/processes/start-scheduler.ts';
import { BUCKET, settingsOf, type Environment } from '../stage/settings-of.ts';

const BOARD = { BOARD_USER: 'admin', BOARD_PASSWORD: 'canary-board-password' };

describe.skipIf(!hasRedis() || !hasPostgres())('two servers with a database of one name', () => {
  const cleanup = new AsyncDisposableStack();
  let prod: PostgresServer;
  let test: PostgresServer;
  let s3: S3Server;
  let redis: RedisConnection;
  let notified: HttpEndpoint;
  let folder: string;
  let file: string;
  let settings: Environment;
  let running: Readonly<Record<App, BoundProcess>>;

  const server = (name: string, { host, port, user }: PostgresServer, more = ''): string =>
    `  - { name: ${name}, host: ${host}, port: ${port}, user: ${user}, passwordEnv: PASSWORD_OF_${name.toUpperCase()}, ${more} databases: [shop, blog] }\n`;
  /** Takes the place of the file at once, as a person's editor does. */
  const write = async (text: string): Promise<void> => {
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
  };
  const goodDumps = async (name: string, database = 'shop') =>
    (await readFolder(join(folder, name))).dumps.filter(
      ({ manifest, restoreTests }) =>
        manifest.database === database && [...restoreTests.values()].some(({ result }) => result === 'good'),
    );
  const page = async (path = ''): Promise<string> => {
    const { json } = await running.scheduler.waitForLine(/"url":"http/);
    const authorization = basic(BOARD.BOARD_USER, BOARD.BOARD_PASSWORD);
    return (await fetch(new URL(path, String(json?.['url'])), { headers: { authorization } })).text();
  };
  const alarmsOf = (kind: string): readonly unknown[] =>
    notified.requests.flatMap(({ json }) => {
      const { event, kind: of } = json as { event: string; kind: string };
      return of === kind ? [event] : [];
    });
  const planned = async (): Promise<readonly string[]> => {
    await using queue = openQueue('dump', 'default', redis);
    return (await queue.getJobSchedulers(0, -1)).map(({ key }) => key).sort();
  };

  beforeAll(async () => {
    const [redisServer, ...others] = await Promise.all([
      startRedis(),
      startPostgres(),
      startPostgres(),
      startS3({ buckets: [BUCKET] }),
      startHttpEndpoint(),
    ]);
    cleanup.use(redisServer);
    for (const each of others) cleanup.use(each);
    [prod, test, s3, notified] = others;
    for (const [name, postgres, rows] of [
      ['prod', prod, 300],
      ['test', test, 7],
    ] as const)
      for (const database of ['shop', 'blog']) {
        await postgres.createDatabase(database);
        await postgres.psql(database, `create table ${name} as select i from generate_series(1, ${rows}) i`);
      }
    redis = cleanup.use(await connectRedis(redisServer.url, log));
    folder = cleanup.use(await tempFolder('pgstow-servers-')).path;
    const scratch = cleanup.use(await tempFolder('pgstow-verify-', unprivilegedUser())).path;
    file = join(cleanup.use(await tempFolder('pgstow-targets-')).path, 'targets.yaml');
    await write(`servers:\n${server('prod', prod)}${server('test', test)}`);
    settings = {
      ...settingsOf({ redis: redisServer, s3, prefix: 'pg/', folder }),
      ...BOARD,
      TARGETS_FILE: file,
      PASSWORD_OF_PROD: prod.password,
      PASSWORD_OF_TEST: test.password,
      NOTIFY_URLS: notified.url,
      BACKUP_INTERVAL: '86400',
      BOARD_PORT: '0',
      VERIFY_DIR: scratch,
      VERIFY_MEMORY_LIMIT: '128',
    };
    const started = await Promise.all(
      apps.map(async (app) => [app, cleanup.use(await startApp(app, settings))] as const),
    );
    running = Object.fromEntries(started) as typeof running;
    for (const name of ['prod', 'test'])
      for (const database of ['shop', 'blog'])
        await eventually(async () => (await goodDumps(name, database)).length === 1);
  });
  afterAll(() => cleanup.disposeAsync());

  it('keeps each in a folder and below a prefix of its own, and tests each against its own source', async () => {
    expect(await readdir(folder)).toEqual(['prod', 'test']);
    const [[ofProd], [ofTest]] = await Promise.all([goodDumps('prod'), goodDumps('test')]);
    expect(Object.entries(await tablesOf('prod'))).toEqual([['public.prod', 300]]);
    expect(Object.entries(await tablesOf('test'))).toEqual([['public.test', 7]]);
    expect(ofProd!.receipts.get('s3')?.key).toBe(`pg/prod/${ofProd!.manifest.name}`);
    expect(ofTest!.receipts.get('s3')?.key).toBe(`pg/test/${ofTest!.manifest.name}`);
    expect(await planned()).toEqual(
      ['prod', 'test'].flatMap((name) => ['blog', 'shop'].map((database) => scheduleId(database, name))).sort(),
    );
  });

  async function tablesOf(name: string): Promise<Readonly<Record<string, number>>> {
    const [dump] = await goodDumps(name);
    const { readFile } = await import('node:fs/promises');
    const text = await readFile(join(folder, name, `${dump!.manifest.name}.manifest.json`), 'utf8');
    return (JSON.parse(text) as { tables: Record<string, number> }).tables;
  }

  it('shows each by server and database', async () => {
    const html = await page();
    expect(html).toContain('All 4 databases are protected');
    for (const name of ['prod/shop', 'prod/blog', 'test/shop', 'test/blog']) expect(html).toContain(`<h3>${name}</h3>`);
    expect(await page('/?server=test&database=shop')).toContain('<h1>test/shop</h1>');
    const metrics = await page('/metrics');
    expect(metrics).toMatch(/^pgstow_database_protected\{server="test",database="shop"\} 1$/m);
    expect(metrics).toMatch(/^pgstow_folder_free_bytes\{server="prod"\} \d+$/m);
  });

  it('is asked by the command line as server/database', async () => {
    const cli = (...args: string[]) => runCli(args, settings);
    const dumped = await cli('dump', 'prod/shop', '--wait');
    expect(dumped).toMatchObject({ code: 0, stdout: expect.stringMatching(/^prod\/shop: job \d+/) });
    expect(await cli('dump', 'nowhere/shop')).toMatchObject({ code: 2 });

    const status = JSON.parse((await cli('status', '--json')).stdout) as { databases: Record<string, unknown>[] };
    expect(status.databases).toMatchObject(
      ['prod', 'test'].flatMap((name) =>
        ['shop', 'blog'].map((database) => ({ server: name, database, isHealthy: true })),
      ),
    );
    expect((await cli('list', 'test/shop')).stdout).toMatch(/^test\/shop\nTIME/);
    const { backups } = JSON.parse((await cli('list', '--server', 'prod', '--json')).stdout) as {
      backups: { server: string; database: string; name: string; places: string[] }[];
    };
    expect(new Set(backups.map((each) => each.server))).toEqual(new Set(['prod']));
    expect(backups.filter(({ database }) => database === 'shop')).toHaveLength(2);
    const pruned = await cli('prune', '--dry-run');
    for (const name of ['prod/blog', 'prod/shop', 'test/blog', 'test/shop'])
      expect(pruned.stdout).toContain(`${name}\n`);

    const verified = await cli('verify', '--database', 'prod/shop', '--wait');
    expect(verified).toMatchObject({ code: 0, stdout: expect.stringContaining('prod/shop: job') });
    const restored = await cli('restore', 'test/shop', '--to', 'shop_again', '--create', '--from', 's3');
    expect(restored).toMatchObject({ code: 0 });
    expect(await test.psql('shop_again', 'select count(*) from test')).toContain('7');
    const pinned = await cli('pin', `prod/${backups[0]!.name}`);
    expect(pinned).toMatchObject({ code: 0, stdout: expect.stringContaining('it stays at') });
  });

  it('is checked by doctor, each server for itself', async () => {
    const { stdout } = await runCli(['doctor', '--json'], settings);
    const { findings } = JSON.parse(stdout) as {
      findings: { check: string; subject: string | null; status: string }[];
    };
    const faults = findings.filter(({ check, status }) => status === 'fault' && !check.startsWith('redis.'));
    expect(faults).toEqual([]);
    const ofServers = findings.filter(({ check }) => check === 'postgres.server').map(({ subject }) => subject);
    expect(ofServers).toEqual(['prod', 'test']);
  });

  it('goes on with what a faulty file said before, and says so, until it is mended', async () => {
    await write(`servers:\n${server('prod', prod)}  - { name: prod, host: x, user: x, databases: x }\n`);
    const fault = `${file}:3:13: there are two servers of the name prod; the first is at 2:13`;
    for (const app of apps) await running[app].waitForLine(/two servers of the name prod/);
    await eventually(async () => (await page()).includes(fault));
    const status = await runCli(['status'], settings);
    expect(status).toMatchObject({ code: 1, stderr: expect.stringContaining(fault) });
    expect(status.stdout).toMatch(/test\/shop .* healthy/);
    // A process that starts meanwhile works by what was there before.
    const late = cleanup.use(await startApp('upload-worker', settings));
    await late.waitForLine(/two servers of the name prod/);
    await late.stop();
    expect((await planned()).length).toBe(4);

    await write(`servers:\n${server('prod', prod)}${server('test', test)}`);
    for (const app of apps) await running[app].waitForLine(/TARGETS_FILE has no fault any more/);
    await eventually(async () => !(await page()).includes(fault));
    await eventually(() => isDeepStrictEqual(alarmsOf('targets-faulty'), ['raised', 'recovered']));
  });

  it('takes a good change without a restart: another server begins, and one that is gone ends', async () => {
    await write(
      `servers:\n${server('prod', prod)}${server('third', test).replace('PASSWORD_OF_THIRD', 'PASSWORD_OF_TEST')}`,
    );
    await eventually(async () => (await goodDumps('third')).length === 1);
    await eventually(async () => !(await planned()).some((id) => id.endsWith('@test')));
    expect((await goodDumps('test')).length).toBe(1);
    expect(await page()).not.toContain('test/shop');
  });
});
