import { GLOBALS } from '@pgstow/shared/contract/target.ts';
import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { startPostgres, type PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import { startRedis } from '@pgstow/testing/servers/redis-server.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setDumpStage, type DumpStage } from '../stage/dump-stage.ts';
import { runRestore } from '../stage/restore-stage.ts';

const SHOP = `
  CREATE ROLE owners NOLOGIN;
  CREATE ROLE app LOGIN CONNECTION LIMIT 7 PASSWORD 'geheim' IN ROLE owners;
  CREATE ROLE reader LOGIN;
  CREATE ROLE stranger LOGIN;
  ALTER ROLE app SET lock_timeout = '7s';
  ALTER DATABASE shop OWNER TO owners;
  ALTER DATABASE shop CONNECTION LIMIT 20;
  REVOKE ALL ON DATABASE shop FROM PUBLIC;
  GRANT CONNECT ON DATABASE shop TO reader;
  ALTER DATABASE shop SET work_mem = '9MB';
  ALTER ROLE app IN DATABASE shop SET statement_timeout = '3s';
  CREATE SCHEMA s AUTHORIZATION owners;
  CREATE TABLE s.t AS SELECT 1 AS a; ALTER TABLE s.t OWNER TO owners; GRANT SELECT ON s.t TO reader;`;

const LIMITS = `SELECT string_agg(rolname || ' ' || rolcanlogin || ' ' || rolconnlimit, ', ' ORDER BY rolname)
  FROM pg_roles WHERE rolname IN ('owners', 'app', 'reader', 'stranger')`;
const settingsOf = (
  database: string,
) => `SELECT string_agg(coalesce(r.rolname, '-') || ' ' || array_to_string(setconfig, ' '), ', ' ORDER BY r.rolname NULLS FIRST)
  FROM pg_db_role_setting s JOIN pg_database d ON d.oid = setdatabase LEFT JOIN pg_roles r ON r.oid = setrole
  WHERE datname = '${database}'`;

describe.skipIf(!hasPostgres() || !hasRedis())('a restore beside a dump of globals', () => {
  const cleanup = new AsyncDisposableStack();
  let source: PostgresServer;
  let stage: DumpStage;
  beforeAll(async () => {
    const redis = cleanup.use(await startRedis());
    source = cleanup.use(await startPostgres());
    await source.createDatabase('shop');
    await source.psql('shop', SHOP);
    stage = cleanup.use(await setDumpStage({ redis, postgres: source, databases: 'shop' }));
    await stage.startWorker({ BACKUP_GLOBALS: 'with-passwords' });
    for (const target of ['shop', GLOBALS]) await stage.dump(target);
  });
  afterAll(() => cleanup.disposeAsync());

  const restore = (url: string, ...options: readonly string[]) =>
    runRestore(['shop', '--to', url, ...options], { BACKUP_DIR: stage.folder });

  test('brings back the roles that the database needs, its rights and its settings, and says so', async () => {
    await using target = await startPostgres();
    const { code, text } = await restore(target.url('shop_2'), '--create');
    expect({ code, text }).toMatchObject({ code: 0, text: expect.stringContaining('equal to its manifest') });
    expect(text).toMatch(/brought back from globals_\d+_\d+\.sql\.gz, in the same transaction:\n {2}CREATE ROLE app;/);
    expect(text).toContain('ALTER DATABASE "shop_2" OWNER TO "owners";');
    expect(text).toContain("PASSWORD '…'");
    expect(text).not.toContain('SCRAM-SHA-256');
    expect(text).not.toContain('stranger');
    expect(await target.psql('postgres', LIMITS)).toBe('app true 7, owners false -1, reader true -1');
    expect(await target.psql('shop_2', settingsOf('shop_2'))).toBe('- work_mem=9MB, app statement_timeout=3s');
    const facts = `SELECT pg_get_userbyid(datdba), datconnlimit, has_database_privilege('reader', oid, 'CONNECT'),
      pg_has_role('app', 'owners', 'member'), (SELECT rolpassword FROM pg_authid WHERE rolname = 'app')
      FROM pg_database WHERE datname = 'shop_2'`;
    const password = await source.psql('postgres', `SELECT rolpassword FROM pg_authid WHERE rolname = 'app'`);
    expect(await target.psql('postgres', facts)).toBe(`owners|20|t|t|${password}`);
  });

  test('lowers nothing of what is there', async () => {
    await using target = await startPostgres();
    await target.createDatabase('shop');
    await target.psql(
      'shop',
      `CREATE ROLE app SUPERUSER LOGIN CONNECTION LIMIT 99 PASSWORD 'own'; ALTER ROLE app SET lock_timeout = '1s';
       ALTER DATABASE shop SET work_mem = '64MB'; GRANT CREATE ON DATABASE shop TO app`,
    );
    const before = `SELECT rolsuper, rolconnlimit, rolpassword, (SELECT setconfig FROM pg_db_role_setting s WHERE setrole = a.oid AND setdatabase = 0),
      has_database_privilege('public', 'shop', 'CONNECT') FROM pg_authid a WHERE rolname = 'app'`;
    const was = await target.psql('postgres', before);
    const { code, text } = await restore(target.url('shop'));
    expect({ code, text }).toMatchObject({ code: 0, text: expect.stringContaining('GRANT owners TO app') });
    expect(text).not.toMatch(/ALTER ROLE app (?:WITH|SET)|REVOKE|OWNER TO "owners"|work_mem/);
    expect(await target.psql('postgres', before)).toBe(was);
    expect(await target.psql('shop', settingsOf('shop'))).toBe('- work_mem=64MB, app statement_timeout=3s');
  });

  test('is as it was without, if that is asked for', async () => {
    await using target = await startPostgres();
    const { code, text } = await restore(target.url('shop'), '--create', '--no-globals');
    expect({ code, text }).toMatchObject({
      code: 0,
      text: expect.stringContaining('roles to be created NOLOGIN: owners, reader'),
    });
    expect(text).not.toContain('globals_');
    expect(text).toContain('its source has what no dump holds');
  });

  test('by a role that is no superuser creates what it may, and leaves the rest to one', async () => {
    await using target = await startPostgres();
    await target.psql('postgres', `CREATE ROLE admin LOGIN CREATEDB CREATEROLE PASSWORD 'p'`);
    const { code, text } = await restore(`postgresql://admin:p@127.0.0.1:${target.port}/shop`, '--create');
    expect({ code, text }).toMatchObject({
      code: 0,
      text: expect.stringContaining('has more, for a superuser to run'),
    });
    expect(await target.psql('postgres', LIMITS)).toBe('app true 7, owners false -1, reader true -1');
  });

  test('is not of the globals alone', async () => {
    const [globals] = (await stage.known()).filter(({ manifest }) => manifest.database === GLOBALS);
    const { code, text } = await restore(source.url('x'), '--create', '--at', globals!.manifest.name);
    expect({ code, text }).toMatchObject({ code: 2, text: expect.stringContaining('is of no database') });
  });
});
