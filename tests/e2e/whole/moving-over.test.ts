import { chmod, cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { openQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import { connectRedis, type RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { unprivilegedUser } from '@pgstow/testing/machine/system-user.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { testedMajor } from '@pgstow/testing/machine/tested-postgres.ts';
import type { BoundProcess } from '@pgstow/testing/processes/bound-process.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../stage/processes/run-cli.ts';
import { apps, startApp } from '../stage/processes/start-app.ts';
import { log } from '../stage/processes/start-connected-redis.ts';
import { BUCKET, settingsOf, type Environment } from '../stage/settings-of.ts';
import { startServers, type Servers } from '../stage/start-servers.ts';

const RELEASE = join(import.meta.dirname, 'release-0.1');
const SHOP = `create table orders (id bigint generated always as identity primary key, customer text not null,
    placed_at timestamptz default now());
  create index on orders (customer);
  insert into orders (customer) select 'customer ' || i % 7 from generate_series(1, 500) i;
  create view per_customer as select customer, count(*) from orders group by 1`;
const ODD = `create table "Odd one" (a int check (a > 0), b jsonb); insert into "Odd one" values (1, '{"x": [1, 2]}')`;

describe.skipIf(!hasRedis() || !hasPostgres() || testedMajor() !== 15)('what release 0.1 left', () => {
  const cleanup = new AsyncDisposableStack();
  let servers: Servers;
  let redis: RedisConnection;
  let settings: Environment;
  let folder: string;
  let running: readonly BoundProcess[] = [];

  /** Every job that Redis knows, and every object and file. */
  const state = async () => {
    const queues = (['dump', 'upload', 'verify'] as const).map((name) => openQueue(name, 'default', redis));
    const jobs = await Promise.all(queues.map((queue) => queue.getJobs()));
    await Promise.all(queues.map((queue) => queue.close()));
    return {
      jobs: jobs
        .flat()
        .map(({ id, finishedOn }) => ({ id, finishedOn }))
        .sort((a, b) => (a.id! < b.id! ? -1 : 1)),
      objects: await servers.s3.listObjects(BUCKET),
      files: (await readdir(folder)).sort(),
    };
  };
  const start = async () => {
    running = await Promise.all(apps.map((app) => startApp(app, settings)));
    for (const each of running) cleanup.use(each);
    const [scheduler, ...workers] = running;
    await scheduler!.waitForLine(/"msg":"ready"/);
    for (const worker of workers) await worker.waitForLine(/"msg":"reconciled"/);
  };

  beforeAll(async () => {
    const { path: dir } = cleanup.use(await tempFolder('pgstow-redis-'));
    await cp(join(RELEASE, 'dump.rdb'), join(dir, 'dump.rdb'));
    servers = cleanup.use(await startServers({ shop: SHOP, 'my db': ODD }, { dir }));
    redis = cleanup.use(await connectRedis(servers.redis.url, log));
    folder = cleanup.use(await tempFolder('pgstow-moved-')).path;
    const { path: scratch } = cleanup.use(await tempFolder('pgstow-verify-', unprivilegedUser()));
    settings = {
      ...settingsOf({ ...servers, databases: 'shop,my db', prefix: 'old/', folder }),
      BACKUP_INTERVAL: '315360000',
      BOARD_PORT: '0',
      VERIFY_DIR: scratch,
      VERIFY_MEMORY_LIMIT: '128',
    };
    for (const file of await readdir(join(RELEASE, 'folder'))) {
      const bytes = await readFile(join(RELEASE, 'folder', file));
      const isReceipt = file.endsWith('.receipt.json');
      const content = isReceipt ? bytes.toString().replace('http://store.example', servers.s3.endpoint) : bytes;
      await writeFile(join(folder, file), content);
      await chmod(join(folder, file), 0o600);
      if (file.endsWith('.gz') || file.endsWith('.manifest.json')) await putAsThen(file, bytes);
    }
  });
  afterAll(() => cleanup.disposeAsync());

  /** Puts an object with the metadata that 0.1 gave it. */
  async function putAsThen(file: string, body: Buffer): Promise<void> {
    const name = file.replace('.manifest.json', '');
    const manifest = JSON.parse(await readFile(join(RELEASE, 'folder', `${name}.manifest.json`), 'utf8')) as Manifest;
    const { sha256, takenAt } = manifest;
    await servers.s3.client.sdk.send(
      new PutObjectCommand({
        Bucket: BUCKET,
        Key: `old/${file}`,
        Body: body,
        ContentType: file === name ? 'application/gzip' : 'application/json',
        Metadata: file === name ? { sha256, 'taken-at': takenAt } : { sha256 },
      }),
    );
  }
  type Manifest = { readonly sha256: string; readonly takenAt: string };

  it('goes on without a dump, an upload or a test more', async () => {
    const before = await state();
    expect(before.files).toHaveLength(15);
    await start();
    // What a start asks for was asked for: a second start finds nothing to do either.
    await Promise.all(running.map((each) => each.stop('SIGTERM')));
    await start();
    expect(await state()).toEqual(before);
    const listed = await runCli(['list', '--json'], settings);
    const { backups } = JSON.parse(listed.stdout) as { backups: { name: string; state: string; places: string[] }[] };
    expect(backups.map(({ name, state: proven }) => `${name} ${proven}`).sort()).toEqual([
      'backup_--my-20db_20261129_203854.sql.gz restored',
      'backup_shop_20260301_030000.sql.gz uploaded',
      'backup_shop_20261129_203854.sql.gz restored',
      'backup_shop_20261129_203901.sql.gz restored',
    ]);
    for (const { places } of backups) expect(places).toEqual(['local', 's3']);
    const { code, stdout } = await runCli(['status'], settings);
    expect(stdout).toMatch(/^shop .* healthy$/m);
    expect(code).toBe(0);
  });

  it('is restored, is judged together with what comes after it, and is pruned in its turn', async () => {
    const { host, port, user, password } = servers.postgres;
    const to = `postgresql://${user}@${host}:${port}/again`;
    const restored = await runCli(
      ['restore', 'shop', '--at', 'backup_shop_20260301_030000.sql.gz', '--to', to, '--create'],
      {
        ...settings,
        PGPASSWORD: password ?? '',
      },
    );
    expect(restored).toMatchObject({ code: 0 });
    expect(await servers.postgres.psql('again', 'select count(*) from orders')).toBe('500');

    for (let taken = 0; taken < 2; taken += 1)
      expect(await runCli(['dump', 'shop', '--wait'], settings)).toMatchObject({ code: 0 });
    const kept = (await readdir(folder)).filter((file) => file.startsWith('backup_shop') && file.endsWith('.gz'));
    expect(kept).toHaveLength(4);
    expect(kept).not.toContain('backup_shop_20260301_030000.sql.gz');
    const { stdout } = await runCli(['list', 'shop', '--json', '--from', 's3'], settings);
    expect((JSON.parse(stdout) as { backups: unknown[] }).backups).toHaveLength(5);
  });
});
