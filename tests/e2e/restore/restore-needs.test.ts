import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { startPostgres, type PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import { startRedis } from '@pgstow/testing/servers/redis-server.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setDumpStage, type DumpStage } from '../stage/dump-stage.ts';
import { contentsOf, runRestore } from '../stage/restore-stage.ts';

const DATABASES: Readonly<Record<string, string>> = {
  guarded: `
create role boss superuser; create role demoted superuser; create role clerk; create role readers;
grant readers to clerk; alter database guarded owner to clerk;
create function watch() returns event_trigger language plpgsql as 'begin end';
create event trigger audit_ddl on ddl_command_end execute function watch();
alter event trigger audit_ddl owner to boss;
create foreign data wrapper files; alter foreign data wrapper files owner to demoted; alter role demoted nosuperuser;
create publication everything for all tables; alter publication everything owner to boss;
create table orders as select 1 as id; grant select on orders to readers;
create materialized view mine as select * from orders; alter materialized view mine owner to clerk;`,
  quick: `
set allow_in_place_tablespaces = on; create tablespace "fast disk" location ''; create tablespace slow location '';
create table hot (id int primary key using index tablespace "fast disk", line text) tablespace "fast disk";
insert into hot values (1, 'SET default_tablespace = "fast disk";');
create table cold tablespace slow as select 2 as id;
create materialized view warm tablespace "fast disk" as select * from hot; create index on cold (id) tablespace "fast disk";`,
  leaning: `
create schema lib; set search_path = public, lib;
create function lib.twice(i int) returns int language sql immutable as 'select i * 2';
create function lib.four_times(i int) returns int language sql immutable as 'select twice(twice(i))';
create table doubled as select i from generate_series(1, 100) i;
alter table doubled add check (four_times(i) > 0);`,
};

describe.skipIf(!hasPostgres() || !hasRedis())('a restore into a new server', () => {
  const cleanup = new AsyncDisposableStack();
  let source: PostgresServer;
  let target: PostgresServer;
  let stage: DumpStage;
  beforeAll(async () => {
    const redis = cleanup.use(await startRedis());
    source = cleanup.use(await startPostgres());
    target = cleanup.use(await startPostgres());
    for (const [name, sql] of Object.entries(DATABASES)) {
      await source.createDatabase(name);
      await source.psql(name, sql);
    }
    stage = cleanup.use(await setDumpStage({ redis, postgres: source, databases: Object.keys(DATABASES).join(',') }));
    await stage.startWorker();
    for (const name of Object.keys(DATABASES)) await stage.dump(name);
  });
  afterAll(() => cleanup.disposeAsync());

  const restore = (name: string, ...options: readonly string[]) =>
    runRestore([name, '--to', target.url(name), '--create', ...options], { BACKUP_DIR: stage.folder });

  test('says before it begins which roles must be superusers, with the SQL, and gives others their rights', async () => {
    const refused = await restore('guarded');
    expect(refused).toMatchObject({ code: 3, text: expect.stringContaining('"boss" (event trigger audit_ddl') });
    expect(refused.text).toContain('"demoted" (foreign-data wrapper files); nothing was touched');
    const sql = ['CREATE ROLE "boss" SUPERUSER NOLOGIN;', 'CREATE ROLE "demoted" SUPERUSER NOLOGIN;'];
    expect(refused.text).toContain(`Make them superusers first, at least until the restore is done: ${sql.join(' ')}`);
    const count = "select count(*) from pg_roles where rolname in ('boss', 'clerk', 'readers')";
    expect(await target.psql('postgres', count)).toBe('0');

    await target.psql('postgres', `${sql[0]} CREATE ROLE "demoted" NOLOGIN;`);
    expect((await restore('guarded')).text).toContain('ALTER ROLE "demoted" SUPERUSER;');
    await target.psql('postgres', 'ALTER ROLE "demoted" SUPERUSER;');
    const restored = await restore('guarded');
    expect(restored).toMatchObject({ code: 0, text: expect.stringContaining('equal to its manifest') });
    expect(restored.text).toContain('ALTER DATABASE "guarded" OWNER TO "clerk";');
    expect(await contentsOf(target, 'guarded')).toEqual(await contentsOf(source, 'guarded'));
    expect(await target.psql('postgres', "select pg_has_role('clerk', 'readers', 'usage')")).toBe('t');
  });

  test('by a role that is no superuser says what only a superuser may create, and tries', async () => {
    await target.psql('postgres', "create role admin login createdb createrole password 'p'");
    const to = `postgresql://admin:p@127.0.0.1:${target.port}/by_admin`;
    const { code, text } = await runRestore(['guarded', '--to', to, '--create'], { BACKUP_DIR: stage.folder });
    expect({ code, text }).toMatchObject({ code: 1, text: expect.stringContaining('ALTER ROLE "admin" SUPERUSER;') });
    expect(text).toContain(
      'only a superuser may create event trigger audit_ddl, foreign-data wrapper files, publication',
    );
  });

  test('goes without the tablespaces that it lacks, with a warning', async () => {
    await target.psql('postgres', "set allow_in_place_tablespaces = on; create tablespace slow location ''");
    const { code, text } = await restore('quick');
    expect({ code, text }).toMatchObject({ code: 0, text: expect.stringContaining('equal to its manifest: 2 rows') });
    expect(text).toMatch(/warning: the target server lacks tablespaces .*: "fast disk"; what lies in them goes into/);
    expect(await target.psql('quick', 'select line from hot')).toBe('SET default_tablespace = "fast disk";');
    const placed = `select relname, spcname from pg_class c join pg_tablespace t on t.oid = reltablespace
      where c.oid >= 16384 order by 1`;
    expect(await target.psql('quick', placed)).toBe('cold|slow');
  });

  test('of functions that rely on search_path says so, and brings the rows back with --search-path', async () => {
    const failed = await restore('leaning');
    expect(failed).toMatchObject({ code: 1, text: expect.stringMatching(/function twice\(integer\) does not exist/) });
    expect(failed.text).toContain(
      'hint: A function looks for it by search_path, which a dump leaves empty. Restore with',
    );
    expect(await restore('leaning', '--search-path', 'lib,')).toMatchObject({
      code: 1,
      text: expect.stringMatching(/before the dump itself: invalid value for parameter "search_path"/),
    });
    const restored = await restore('leaning', '--search-path', 'public, lib');
    expect(restored).toMatchObject({ code: 0, text: expect.stringContaining('equal to its manifest: 100 rows') });
    expect(await contentsOf(target, 'leaning')).toEqual(await contentsOf(source, 'leaning'));
  });
});
