import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readFolder } from '@pgstow/catalog/folder/read-folder.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasAge, hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { DEBIAN_FOLDER } from '@pgstow/testing/machine/find-program.ts';
import { makeIdentity, type Identity } from '@pgstow/testing/machine/make-identity.ts';
import { unprivilegedUser } from '@pgstow/testing/machine/system-user.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { installedMajors, testedMajor } from '@pgstow/testing/machine/tested-postgres.ts';
import type { BoundProcess } from '@pgstow/testing/processes/bound-process.ts';
import { startPostgres, type PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import { startRedis, type RedisServer } from '@pgstow/testing/servers/redis-server.ts';
import { startS3, type S3Server } from '@pgstow/testing/servers/s3-server.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../stage/processes/run-cli.ts';
import { apps, startApp } from '../stage/processes/start-app.ts';
import { settingsOf, type Environment } from '../stage/settings-of.ts';

const CANARY = 'a row that nobody else may read';
const notes = (count: number): string =>
  `create table notes (i int primary key, text text);
   insert into notes select i, '${CANARY} ' || i from generate_series(1, ${count}) i;
   alter table notes owner to keeper`;
/** Rows of each database; nobody names those of the first server. */
const DATABASES = { one: { shop: 1000, 'my db': 20, crm: 3 }, two: { shop: 500 } } as const;
type ServerName = keyof typeof DATABASES;
const SERVERS = ['one', 'two'] as const;
const PLACES = ['far', 'nas', 'near'];

describe.skipIf(!hasRedis() || !hasPostgres() || !hasAge())('two servers, three places, encrypted', () => {
  const cleanup = new AsyncDisposableStack();
  const sources = {} as Record<ServerName, PostgresServer>;
  let redis: RedisServer;
  let third: PostgresServer;
  let stores: Readonly<Record<'near' | 'far', S3Server>>;
  let identity: Identity;
  let base: string;
  let settings: Environment;
  let running: readonly BoundProcess[] = [];

  beforeAll(async () => {
    const started = <T extends AsyncDisposable>(server: Promise<T>): Promise<T> => server.then((it) => cleanup.use(it));
    // Of another major version, where one is here.
    const newer = installedMajors().find((major) => major > testedMajor());
    const binDir = newer === undefined ? {} : { binDir: `${DEBIAN_FOLDER}/${newer}/bin` };
    redis = await started(startRedis());
    sources.one = await started(startPostgres());
    sources.two = await started(startPostgres(binDir));
    third = await started(startPostgres(binDir));
    stores = { near: await started(startS3({ buckets: ['near'] })), far: await started(startS3({ buckets: ['far'] })) };
    for (const server of SERVERS) {
      await sources[server].psql('postgres', 'create role keeper');
      for (const [database, count] of Object.entries(DATABASES[server])) {
        await sources[server].createDatabase(database);
        await sources[server].psql(database, notes(count));
      }
    }
    base = cleanup.use(await tempFolder('pgstow-all-')).path;
    const { path: scratch } = cleanup.use(await tempFolder('pgstow-verify-', unprivilegedUser()));
    identity = makeIdentity(base, 'identity');
    await mkdir(join(base, 'backups'));
    await mkdir(join(base, 'nas'));
    settings = {
      ...settingsOf({ postgres: sources.one, databases: 'postgres', redis, folder: join(base, 'backups') }),
      TARGETS_FILE: join(base, 'targets.yaml'),
      AGE_RECIPIENTS: identity.recipient,
      AGE_IDENTITY_FILE: identity.file,
      PASSWORD_ONE: sources.one.password,
      PASSWORD_TWO: sources.two.password,
      ID: stores.near.accessKeyId,
      SECRET: stores.near.secretAccessKey,
      BACKUP_INTERVAL: '86400',
      BOARD_PORT: '0',
      VERIFY_DIR: scratch,
      VERIFY_MEMORY_LIMIT: '128',
    };
    await writeFile(join(base, 'targets.yaml'), targets(PLACES));
  });
  afterAll(() => cleanup.disposeAsync());

  const targets = (places: readonly string[]): string => `
destinations:
  near: { bucket: near, endpoint: ${stores.near.endpoint}, region: eu-central-1, accessKeyIdEnv: ID, secretAccessKeyEnv: SECRET }
  far: { bucket: far, endpoint: ${stores.far.endpoint}, region: eu-central-1, accessKeyIdEnv: ID, secretAccessKeyEnv: SECRET }
  nas: { folder: ${join(base, 'nas')} }
defaults: { destinations: [${places.join(', ')}] }
servers:
  - { name: one, host: 127.0.0.1, port: ${sources.one.port}, user: ${sources.one.user}, passwordEnv: PASSWORD_ONE, databases: '*', exclude: [postgres] }
  - { name: two, host: 127.0.0.1, port: ${sources.two.port}, user: ${sources.two.user}, passwordEnv: PASSWORD_TWO, databases: [shop] }
`;
  const start = async (): Promise<void> => {
    running = await Promise.all(apps.map((app) => startApp(app, settings)));
    for (const each of running) cleanup.use(each);
  };
  const dumpsOf = async (server: ServerName) => (await readFolder(join(settings['BACKUP_DIR']!, server))).dumps;
  const newest = async (server: ServerName, database: string) =>
    (await dumpsOf(server)).findLast(({ manifest }) => manifest.database === database);
  /** Of a database: that it lies in every place, and was restored from each. */
  const isWhole = async (server: ServerName, database: string): Promise<boolean> => {
    const dump = await newest(server, database);
    const good = [...(dump?.restoreTests.values() ?? [])].filter(({ result }) => result === 'good');
    const tested = new Set(good.map(({ destination }) => destination));
    return PLACES.every((place) => dump?.receipts.has(place) === true && tested.has(place));
  };
  const everyDatabase = SERVERS.flatMap((server) =>
    Object.entries(DATABASES[server]).map(([database, count]) => ({ server, database, count })),
  );

  it('backs up databases that nobody named to every place, and restores them from each', async () => {
    expect(await runCli(['prepare', '--same-disk'], settings)).toMatchObject({ code: 0 });
    await start();
    for (const { server, database } of everyDatabase) await eventually(() => isWhole(server, database));
    const names = (await readdir(join(base, 'backups', 'one'))).filter((file) => file.endsWith('.age'));
    expect(names.filter((name) => name.startsWith('globals_'))).toHaveLength(1);
    for (const name of names) expect(name).toMatch(/^(backup_.+|globals)_\d{8}_\d{6}\.sql\.gz\.age$/);
    for (const store of ['near', 'far'] as const)
      expect((await stores[store].listObjects(store)).map(({ key }) => key.split('/')[0])).toContain('two');
  });

  it('lets no row lie anywhere in plain text', async () => {
    const files = await readdir(base, { recursive: true, withFileTypes: true });
    const plain = files.filter((file) => file.isFile() && !file.name.startsWith('targets'));
    expect(plain.length).toBeGreaterThan(20);
    for (const file of plain) {
      const bytes = await readFile(join(file.parentPath, file.name));
      expect(bytes.includes(CANARY) ? file.name : '').toBe('');
    }
  });

  it('is restored by stock programs on a third server', async () => {
    await third.psql('postgres', 'create role keeper');
    for (const [index, { server, database, count }] of everyDatabase.entries()) {
      const dump = await newest(server, database);
      const { bytes } = { bytes: await stores.far.getObject('far', `${server}/${dump!.manifest.name}`) };
      await writeFile(join(base, 'fetched'), bytes);
      const into = `again_${index}`;
      await third.createDatabase(into);
      const restored = spawnSync(
        'bash',
        [
          '-c',
          'set -o pipefail; age -d -i "$1" "$2" | gunzip | psql -X -v ON_ERROR_STOP=1',
          '_',
          identity.file,
          join(base, 'fetched'),
        ],
        { env: { ...process.env, ...third.env(into) }, encoding: 'utf8' },
      );
      expect(restored).toMatchObject({ status: 0 });
      expect(await third.psql(into, `select count(*) from notes where text like '${CANARY} %'`)).toBe(String(count));
    }
  });

  it('is recovered on a new host from one bucket alone', async () => {
    await Promise.all(running.map((each) => each.stop('SIGTERM')));
    await rm(join(base, 'backups'), { recursive: true });
    await rm(join(base, 'nas'), { recursive: true });
    await stores.near.stop();
    await redis.flush();
    await mkdir(join(base, 'backups'));
    await writeFile(join(base, 'targets.yaml'), targets(['far']));

    expect(await runCli(['recover'], settings)).toMatchObject({ code: 0 });
    const { stdout } = await runCli(['list', '--json'], settings);
    const { backups } = JSON.parse(stdout) as { backups: readonly { database: string; places: string[] }[] };
    const before = (await stores.far.listObjects('far')).map(({ key, etag }) => [key, etag]);
    expect(backups.length).toBeGreaterThanOrEqual(everyDatabase.length);
    for (const { places } of backups) expect(places).toContain('far');

    const to = `postgresql://${third.user}@${third.host}:${third.port}/recovered`;
    const restored = await runCli(['restore', 'two/shop', '--to', to, '--create'], {
      ...settings,
      PGPASSWORD: third.password,
    });
    expect(restored).toMatchObject({ code: 0 });
    expect(await third.psql('recovered', 'select count(*) from notes')).toBe('500');

    // The workers go on: what lies there is not put again.
    await start();
    await eventually(async () => {
      const dump = await newest('one', 'crm');
      return dump?.receipts.has('far');
    });
    const after = new Map((await stores.far.listObjects('far')).map(({ key, etag }) => [key, etag]));
    for (const [key, etag] of before) expect([key, after.get(key!)]).toEqual([key, etag]);
  });
});
