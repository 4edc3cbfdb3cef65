import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { GLOBALS } from '@pgstow/shared/contract/target.ts';
import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { unprivilegedUser } from '@pgstow/testing/machine/system-user.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { startPostgres } from '@pgstow/testing/servers/postgres-server.ts';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCli } from '../stage/processes/run-cli.ts';
import { startServers, type Servers } from '../stage/start-servers.ts';
import { setVerifyStage } from '../stage/verify-stage.ts';

const ODD = `o"d'd \\ rôle`;
const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const PASSWORD =
  'SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0c2FsdA==$4mRyZ2ZkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGQ=:4mRyZ2ZkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGQ=';

/** Roles, memberships, tablespace, rights and settings of many kinds. @param folder of the tablespace */
const samples = (folder: string): string => `
  CREATE ROLE owners NOLOGIN;
  CREATE ROLE app LOGIN CONNECTION LIMIT 7 VALID UNTIL '2031-01-02 03:04:05+02' PASSWORD '${PASSWORD}' IN ROLE owners;
  CREATE ROLE ${quote(ODD)} CREATEDB CREATEROLE BYPASSRLS NOINHERIT;
  CREATE ROLE plain LOGIN PASSWORD 'p';
  GRANT pg_monitor TO plain;
  GRANT owners TO ${quote(ODD)} WITH ADMIN OPTION;
  COMMENT ON ROLE app IS E'it''s; the\\nother \\\\ one';
  ALTER ROLE app SET search_path = "$user", "My Schema", '';
  ALTER ROLE app SET custom.setting = 'a''b, "c"';
  ALTER ROLE ALL SET lock_timeout = '7s';
  CREATE TABLESPACE fast OWNER app LOCATION '${folder}' WITH (random_page_cost = 1.1);
  GRANT CREATE ON TABLESPACE fast TO owners WITH GRANT OPTION;
  ALTER DATABASE shop OWNER TO app;
  ALTER DATABASE shop CONNECTION LIMIT 20;
  REVOKE ALL ON DATABASE shop FROM PUBLIC;
  GRANT CONNECT ON DATABASE shop TO owners WITH GRANT OPTION;
  GRANT CONNECT ON DATABASE shop TO plain;
  ALTER DATABASE shop SET search_path = shop, public;
  ALTER DATABASE shop SET lc_messages = 'C';
  ALTER ROLE app IN DATABASE shop SET statement_timeout = '3s';
  COMMENT ON DATABASE shop IS 'it; sells';
  CREATE DATABASE archive TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TABLESPACE fast;
  ALTER DATABASE archive ALLOW_CONNECTIONS false;
  GRANT CREATE ON DATABASE postgres TO app;`;

describe.skipIf(!hasRedis() || !hasPostgres())('the globals of a server', () => {
  const cleanup = new AsyncDisposableStack();
  let servers: Servers;
  beforeAll(async () => {
    servers = cleanup.use(await startServers({ shop: 'CREATE TABLE t (a int); INSERT INTO t VALUES (1)' }));
    const { path } = cleanup.use(await tempFolder('pgstow-space-', unprivilegedUser()));
    // A statement each: some run in no transaction.
    for (const statement of samples(path).split(/;\n/)) await servers.postgres.psql('postgres', statement);
  });
  afterAll(() => cleanup.disposeAsync());

  const sqlOf = async (folder: string, name: string): Promise<string> =>
    gunzipSync(await readFile(join(folder, name))).toString();

  test('are dumped, recorded, tested, uploaded, listed, and restored by stock tools', async () => {
    // With patterns, they are on.
    await using stage = await setVerifyStage({ ...servers, databases: '*' });
    const on = stage.dumps.settings;
    const manifest = await stage.dumpAndUpload(GLOBALS);
    expect(manifest.name).toMatch(/^globals_\d{8}_\d{6}\.sql\.gz$/);
    expect(manifest.globals).toMatchObject({
      hasPasswords: false,
      facts: {
        'role "app"': 'LOGIN, CONNECTION LIMIT 7, VALID UNTIL 2031-01-02 01:04:05.000000 AD',
        [`role ${quote(ODD)}`]: 'NOINHERIT, CREATEROLE, CREATEDB, BYPASSRLS',
        'setting search_path of role "app"': '"$user", "My Schema", ""',
        'setting lock_timeout of every role': '7s',
        'tablespace "fast"': 'owner "app", random_page_cost=1.1',
        'database "shop"': 'owner "app", CONNECTION LIMIT 20',
        'locale of database "archive"': expect.stringMatching(/^SQL_ASCII, C, C/),
        'comment on role "app"': "it's; the\nother \\ one",
      },
    });
    const sql = await sqlOf(stage.folder, manifest.name);
    expect(sql).not.toContain('SCRAM-SHA-256');
    await stage.startWorker();
    await stage.good(manifest.name, 's3');
    const tested = await stage.good(manifest.name, 'local');
    expect(tested.notes).toContain('it holds no passwords of roles');

    const listed = await runCli(['list', 'globals'], on);
    expect(listed).toMatchObject({ code: 0, stdout: expect.stringMatching(/^globals\n.*\n.* restored$/s) });
    expect(await runCli(['verify', 'latest', '--database', 'globals', '--from', 'local', '--wait'], on)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`GOOD  ${manifest.name}`),
    });

    await using other = await startPostgres();
    await execa({
      env: { ...other.env('postgres'), FILE: join(stage.folder, manifest.name) },
    })`bash -o pipefail -c ${'gunzip -c "$FILE" | psql -q -X >/dev/null 2>&1'}`;
    const restored = await other.psql(
      'shop',
      `SELECT current_setting('search_path'), rolconnlimit FROM pg_roles WHERE rolname = 'app'`,
    );
    expect(restored).toBe('shop, public|7');
  });

  test('that lack something when they are run are BAD, by each thing', async () => {
    await using stage = await setVerifyStage({ ...servers, databases: 'shop' });
    const manifest = await stage.dumpOnly(GLOBALS, { BACKUP_GLOBALS: 'on' });
    const rewritten = await stage.rewrite(manifest, {
      text: (sql) =>
        sql
          .replace('CREATE ROLE plain;', '')
          .replace(/ALTER ROLE plain WITH [^;]*;/, '')
          .replace('CONNECTION LIMIT 20', 'CONNECTION LIMIT 21'),
    });
    await stage.startWorker({ BACKUP_GLOBALS: 'on' });
    await stage.reaches(await stage.ask(rewritten.name, 'local'), 'failed');
    const record = await stage.record(rewritten.name, 'local');
    expect(record?.result).toBe('bad');
    expect(record?.differences).toEqual(
      expect.arrayContaining([
        'role "plain" is missing',
        'database "shop" is owner "app", CONNECTION LIMIT 21, not owner "app", CONNECTION LIMIT 20',
      ]),
    );
  });

  test('hold passwords if that is asked for and the role may read them', async () => {
    await using stage = await setVerifyStage({ ...servers, databases: 'shop' });
    const asked = { BACKUP_GLOBALS: 'with-passwords' };
    const manifest = await stage.dumpOnly(GLOBALS, asked);
    expect(manifest.globals?.hasPasswords).toBe(true);
    expect(await sqlOf(stage.folder, manifest.name)).toContain(PASSWORD);
    expect(JSON.stringify(manifest)).not.toContain('SCRAM-SHA-256');
    const plain = await stage.dumpOnly(GLOBALS, {
      ...asked,
      POSTGRES_USER: 'plain',
      POSTGRES_PASSWORD: 'p',
      POSTGRES_DB: 'shop',
    });
    expect(plain.globals).toMatchObject({ hasPasswords: false, facts: manifest.globals?.facts });
    await stage.startWorker(asked);
    await stage.good(manifest.name, 'local');
    await stage.good(plain.name, 'local');
  });
});
