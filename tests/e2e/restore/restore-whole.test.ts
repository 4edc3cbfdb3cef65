import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { startPostgres, type PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import { startRedis, type RedisServer } from '@pgstow/testing/servers/redis-server.ts';
import { startS3, type S3Server } from '@pgstow/testing/servers/s3-server.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setDumpStage } from '../stage/dump-stage.ts';
import { contentsOf, makeBackup, runRestore } from '../stage/restore-stage.ts';
import { settingsOf } from '../stage/settings-of.ts';

describe.skipIf(!hasPostgres() || !hasRedis())('a restored database equals its source', () => {
  let redis: RedisServer;
  let source: PostgresServer;
  let elsewhere: PostgresServer;
  let s3: S3Server;

  beforeAll(async () => {
    [redis, source, elsewhere, s3] = await Promise.all([
      startRedis(),
      startPostgres(),
      startPostgres(),
      startS3({ buckets: ['backups'] }),
    ]);
    await source.createDatabase(DATABASE);
    await source.psql('postgres', 'create role "Anna Ö" login; create role reader; create role policed');
    await source.psql(DATABASE, EVERYTHING);
  });
  afterAll(async () => {
    for (const server of [s3, elsewhere, source, redis]) await server[Symbol.asyncDispose]();
  });

  test('row for row, with all that a database can hold, and with roles that were not there', async () => {
    await using stage = await setDumpStage({
      redis,
      postgres: source,
      databases: `"${DATABASE.replaceAll('"', '""')}"`,
    });
    await stage.startWorker();
    const { manifest } = await stage.dump(DATABASE);
    expect(manifest.roles).toEqual(['Anna Ö', 'pgstow', 'policed', 'reader'].sort());
    expect(manifest.serverVersion).toMatch(new RegExp(`^${source.major}\\.`));

    const wanted = await contentsOf(source, DATABASE);
    // A new server, no configured source, a URL without its password, and a role that is a superuser there.
    const env = { BACKUP_DIR: stage.folder, PGPASSWORD: elsewhere.password };
    const to = new URL(elsewhere.url('New "one"'));
    to.password = '';
    const args = [DATABASE, '--to', to.href, '--create'];
    const { code, text } = await runRestore(args, env);
    expect({ code, text }).toMatchObject({
      code: 0,
      text: expect.stringMatching(/equal to its manifest: [\d,]+ rows in/),
    });
    expect(text).toMatch(/roles to be created NOLOGIN: Anna Ö, policed, reader/);
    expect(await contentsOf(elsewhere, 'New "one"')).toEqual(wanted);
    expect(await elsewhere.psql('postgres', "select rolcanlogin from pg_roles where rolname = 'Anna Ö'")).toBe('f');
    const analyzed = "select count(*) > 0 from pg_stats where tablename = 'big'";
    expect(await elsewhere.psql('New "one"', analyzed)).toBe('t');

    // Again, over the restored database.
    await elsewhere.psql(
      'New "one"',
      'create table public.extra (a int); truncate public.big; drop schema "Empty One"',
    );
    const refused = await runRestore(args, env);
    expect(refused).toMatchObject({
      code: 3,
      text: expect.stringMatching(/is not empty: it has .* and \d+ more/s),
    });
    const again = await runRestore([...args, '--force'], env);
    expect(again).toMatchObject({ code: 0, text: expect.stringContaining('equal to its manifest') });
    expect(await contentsOf(elsewhere, 'New "one"')).toEqual(wanted);
  });

  test('from a bucket, when it is all that is left', async () => {
    await using folder = await tempFolder();
    await source.createDatabase('small');
    await source.psql('small', 'create table t as select i, md5(i::text) from generate_series(1, 50000) i');
    const { manifest } = await makeBackup(source, 'small', folder.path, { more: { tables: { 'public.t': 50_000 } } });
    for (const name of [manifest.name, `${manifest.name}.manifest.json`])
      await s3.client.putObject('backups', `site/${name}`, await readFile(join(folder.path, name)));
    await using staging = await tempFolder();
    const env = settingsOf({ s3, prefix: 'site' });
    const args = ['small', '--to', elsewhere.url('small'), '--create', '--staging', staging.path];
    const { code, text } = await runRestore(args, { ...env, BACKUP_DIR: folder.path });
    expect({ code, text }).toMatchObject({ code: 0, text: expect.stringContaining('from local') });
    await elsewhere.dropDatabase('small');
    const bucketOnly = await runRestore(args, { ...env, BACKUP_DIR: join(folder.path, 'gone') });
    expect(bucketOnly).toMatchObject({
      code: 0,
      text: expect.stringMatching(/from s3.*equal to its manifest: 50,000 rows/s),
    });
    expect(await contentsOf(elsewhere, 'small')).toEqual(await contentsOf(source, 'small'));
    expect(await readdir(staging.path)).toEqual([]);

    const damaged = await s3.getObject('backups', `site/${manifest.name}`);
    damaged[damaged.length >> 1]! ^= 1;
    await s3.client.putObject('backups', `site/${manifest.name}`, damaged);
    await elsewhere.dropDatabase('small');
    const bad = await runRestore([...args, '--from', 's3'], { ...env, BACKUP_DIR: folder.path });
    expect(bad).toMatchObject({
      code: 4,
      text: expect.stringMatching(/at s3 is BAD: its sha256 .*another place with --from/s),
    });
    expect(await readdir(staging.path)).toEqual([]);
    expect(await elsewhere.psql('postgres', "select count(*) from pg_database where datname = 'small'")).toBe('0');
  });

  test('of the requested time', async () => {
    await using folder = await tempFolder();
    await source.createDatabase('timed');
    for (const day of [1, 2, 3]) {
      await source.psql('timed', `drop table if exists t; create table t as select ${day} as day`);
      await makeBackup(source, 'timed', folder.path, { takenAt: new Date(`2026-11-0${day}T03:00:00Z`) });
    }
    const env = settingsOf({ postgres: source, databases: 'timed', folder: folder.path });
    for (const [at, day] of [
      ['latest', '3'],
      ['2026-11-02T03:00:00Z', '2'],
      ['2026-11-02 02:59:59', '1'],
      ['2026-11-02T03:30:00+01:00', '1'],
      ['2026-11-03', '2'],
      ['backup_timed_20261101_030000.sql.gz', '1'],
    ] as const) {
      const { code, text } = await runRestore(['timed', '--to', 'then', '--create', '--force', '--at', at], env);
      expect({ at, code, text }).toMatchObject({ code: 0 });
      expect({ at, day: await source.psql('then', 'table t') }).toEqual({ at, day });
    }
    const early = await runRestore(['timed', '--to', 'then', '--at', '2026-11-01T02:59:59Z'], env);
    expect(early).toMatchObject({ code: 1, text: expect.stringContaining('The oldest is of 2026-11-01 03:00:00 UTC') });
    for (const at of ['yesterday', '2026-13-01', 'backup_other_20261101_030000.sql.gz'])
      expect({ at, ...(await runRestore(['timed', '--to', 'then', '--at', at], env)) }).toMatchObject({ at, code: 2 });
  });

  test('with the settings of its source, and says how its database gets them', async () => {
    await using folder = await tempFolder();
    await source.createDatabase('tenants');
    await source.psql(
      'tenants',
      `set app.tenant = 'acme'; create table t as select 'acme' as tenant;
       create materialized view mine as select * from t where tenant = current_setting('app.tenant')`,
    );
    const needs = {
      settings: [
        { name: 'app.tenant', value: 'acme' },
        { name: 'no.such', value: "it's" },
        { name: 'default_transaction_read_only', value: 'on' },
        { name: 'work_mem', value: 'no size' },
      ],
      monetaryLocale: 'xx_XX',
      tablespaces: [],
    };
    await makeBackup(source, 'tenants', folder.path, { more: { needs } });
    const env = { BACKUP_DIR: folder.path };
    const { code, text } = await runRestore(['tenants', '--to', elsewhere.url('tenants'), '--create'], env);
    expect({ code, text }).toMatchObject({ code: 0, text: expect.stringContaining('equal to what the dump holds') });
    expect(text).toContain(`ALTER DATABASE "tenants" SET "app"."tenant" = 'acme';`);
    expect(text).toContain(`ALTER DATABASE "tenants" SET "no"."such" = 'it''s';`);
    expect(await elsewhere.psql('tenants', 'select * from mine')).toBe('acme');
  });

  test('and is looked at all the same where the role may have one session at a time', async () => {
    await using folder = await tempFolder();
    await source.createDatabase('lone');
    await source.psql('lone', 'create table t as select i from generate_series(1, 1000) i');
    await source.psql('postgres', "create role lone login connection limit 1 password 'p'");
    await source.psql('postgres', 'create database lones owner lone template template0');
    const change = (sql: string) => sql.replaceAll('OWNER TO pgstow', 'OWNER TO lone');
    const more = { tables: { 'public.t': 1000 }, roles: ['lone'] };
    await makeBackup(source, 'lone', folder.path, { change, more });
    const to = `postgresql://lone@${source.host}:${source.port}/lones`;
    const restored = await runRestore(['lone', '--to', to], { BACKUP_DIR: folder.path, PGPASSWORD: 'p' });
    expect(restored).toMatchObject({ code: 0, text: expect.stringContaining('equal to its manifest: 1,000 rows') });
    expect(restored.text).not.toContain('ANALYZE failed');
    const analyzed = "select count(*) > 0 from pg_stats where tablename = 't'";
    expect(await source.psql('lones', analyzed)).toBe('t');
  });

  test('and each difference is listed if it does not', async () => {
    await using folder = await tempFolder();
    await source.createDatabase('differs');
    await source.psql('differs', 'create table a as select generate_series(1, 5); create table "B b" (x int)');
    const tables = { 'public.a': 6, 'public."B b"': 0, 'public.gone': 1 };
    await makeBackup(source, 'differs', folder.path, { more: { tables } });
    const args = ['differs', '--to', 'differs2', '--create'];
    const { code, text } = await runRestore(
      args,
      settingsOf({ postgres: source, databases: 'differs', folder: folder.path }),
    );
    expect({ code, text }).toMatchObject({
      code: 4,
      text: expect.stringMatching(
        /differs from its manifest:\n.*table public\.a has 5 rows; the dump holds 6\n.*table public\.gone is missing/,
      ),
    });
  });
});

const DATABASE = 'Shop "ü" db';

const EVERYTHING = String.raw`
create schema "Odd ""S"" ü"; create schema app authorization "Anna Ö"; create schema "Empty One";
create extension if not exists plpgsql;
create type app.mood as enum ('it''s', 'ok', 'große "Freude"');
create domain app.positive as int check (value > 0);
create type app.pair as (a int, b text);
create type app.span as range (subtype = int4);
create table public.big (id bigint generated always as identity primary key, t text, twice int generated always as (length(t) * 2) stored,
  m app.mood, p app.positive default 1, arr text[], j jsonb, b bytea, c app.pair, s app.span, at timestamptz default '2026-01-01');
insert into public.big (t, m, arr, j, b, c, s)
  select case i % 5 when 0 then null else E'\\. \t \n "' || repeat('ü', i % 40) end, 'ok', array['a,b', null, '{"}', i::text],
  jsonb_build_object('k', E'\n\\'), decode(md5(i::text), 'hex'), row(i::int, 'x'::text)::app.pair, int4range(i, i + 5)::text::app.span from generate_series(1, 5000) i;
create table app.parted (at date not null, v int) partition by range (at);
create table app.p2025 partition of app.parted for values from ('2025-01-01') to ('2026-01-01');
create table app.p2026 partition of app.parted for values from ('2026-01-01') to ('2027-01-01') partition by list (v);
create table app.p2026_1 partition of app.p2026 for values in (1); create table app.p2026_x partition of app.p2026 default;
insert into app.parted select '2025-06-01'::date + i, i % 3 from generate_series(0, 499) i;
create table public.chicken (id int primary key, egg int); create table public.egg (id int primary key, chicken int);
insert into chicken select i, i from generate_series(1, 100) i; insert into egg select i, i from generate_series(1, 100) i;
alter table chicken add foreign key (egg) references egg deferrable; alter table egg add foreign key (chicken) references chicken;
create table "Odd ""S"" ü"."select ""x"".
COMMIT;
" ("from ü" int, "a""b" text); insert into "Odd ""S"" ü"."select ""x"".
COMMIT;
" select i, E'\nBEGIN;\n' from generate_series(1, 10) i;
create table public.none (); insert into none default values; insert into none default values;
create table public.empty (a int);
create table public.parent (a int); create table public.child (b int) inherits (parent);
insert into parent values (1), (2); insert into child values (3, 4);
create unlogged table public.unlogged as select 1 as a;
create sequence app.numbers start 100 increment -7 minvalue -1000 maxvalue 200; select nextval('app.numbers'), nextval('app.numbers');
create function public.touch() returns trigger language plpgsql as $f$
begin
COMMIT;
  new.v := new.v; return new;
end $f$;
create trigger touched before update on app.p2025 for each row execute function public.touch();
alter table app.p2025 disable trigger touched;
create function app.atomic(a int default 1) returns int language sql begin atomic select a; select 2; end;
create procedure app.proc() language sql as 'select 1';
create aggregate app.total (int) (sfunc = int4pl, stype = int, initcond = '0');
create operator app.<+> (function = int4pl, leftarg = int, rightarg = int);
create view public.v with (security_barrier) as select id, t from big where t is not null;
create materialized view app.mv as select m, count(*) from public.big group by m; create unique index on app.mv (m);
create materialized view app.unpopulated as select 1 as a with no data;
create index odd on public.big using gin (j); create index on public.big ((lower(t))) where id > 10;
create statistics app.stats on m, p from public.big;
alter table big enable row level security; alter table big force row level security;
create policy "p TO x" on big as restrictive for select to policed, "Anna Ö" using (id > 0);
create policy everyone on big using (true) with check (p > 0);
create publication pub for table chicken, egg; create publication everything for all tables;
create function public.on_ddl() returns event_trigger language plpgsql as 'begin end';
create event trigger noticed on ddl_command_end execute function public.on_ddl();
create foreign data wrapper fdw; create server srv foreign data wrapper fdw; create user mapping for reader server srv options ("user" 'x');
create cast (app.mood as app.positive) with inout;
create collation app.german (provider = libc, locale = 'C');
create text search configuration app.search (copy = simple);
create rule nothing as on delete to public.empty do instead nothing;
select lo_from_bytea(0, E'\nCOMMIT;\n'::bytea), lo_from_bytea(424242, decode(repeat('27', 100000), 'hex'));
create type public.pair2 as (a app.pair, b text); create type public.mood2 as enum ('a'); create domain public.even as int check (value % 2 = 0);
create type public.span2 as range (subtype = date); create function public.plus(public.pair2, int) returns public.even language sql as 'select 2';
create operator public.<+> (function = public.plus, leftarg = public.pair2, rightarg = int); create collation public.here (provider = libc, locale = 'C');
create aggregate public.total (int) (sfunc = int4pl, stype = int); create procedure public.proc(public.mood2) language sql as 'select 1';
create operator family public.family using btree; create operator class public.class for type public.even using btree as function 1 btint4cmp(int, int);
create text search dictionary public.words (template = simple); create text search configuration public.search (copy = simple);
create conversion public.conv for 'UTF8' to 'LATIN1' from utf8_to_iso8859_1; create statistics public.stats2 on id, t from big;
create access method heap2 type table handler heap_tableam_handler; create materialized view public.mv2 as select 1 as a; create sequence public.seq2;
do $$ begin
  if exists (select from pg_available_extensions where name = 'hstore') then
    create extension hstore; create table public.with_extension as select public.hstore('a', 'b') as h;
  end if;
end $$;
comment on large object 424242 is 'it''s'; alter large object 424242 owner to "Anna Ö"; grant select on large object 424242 to reader;
comment on table public.big is E'\nBEGIN;\n\\! id\n'; comment on column big.t is 'ü'; comment on schema app is '"'; comment on database "Shop ""ü"" db" is 'x';
alter table public.big owner to "Anna Ö"; alter table app.parted owner to "Anna Ö"; alter function app.atomic owner to "Anna Ö";
grant select on public.big to reader with grant option; grant select (a) on parent to reader; revoke all on function app.atomic from public;
alter default privileges for role "Anna Ö" in schema app grant select on tables to reader;
grant usage on schema app to policed; grant execute on procedure app.proc to public;
alter table public.big replica identity full; alter materialized view app.unpopulated owner to "Anna Ö"; alter table public.big cluster on big_pkey;
`;
