import { chmod, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { hasPostgres } from '@pgstow/testing/machine/capabilities.ts';
import { postgresBinDirs } from '@pgstow/testing/machine/find-program.ts';
import { tempFolder, type TempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { startFaultProxy } from '@pgstow/testing/servers/fault-proxy.ts';
import { startPostgres, type PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { contentsOf, makeBackup, runRestore } from '../stage/restore-stage.ts';
import { settingsOf } from '../stage/settings-of.ts';

describe.skipIf(!hasPostgres())('a restore is refused, and the target is as it was,', { concurrent: true }, () => {
  let postgres: PostgresServer;
  let folder: TempFolder;
  let env: Readonly<Record<string, string>>;
  let manifest: Manifest;
  let before: Readonly<Record<string, string>>;

  beforeAll(async () => {
    [postgres, folder] = await Promise.all([startPostgres(), tempFolder()]);
    env = settingsOf({ postgres, databases: 'shop,other', folder: folder.path });
    await postgres.createDatabase('shop');
    await postgres.psql('shop', `create table t as select i, md5(i::text) from generate_series(1, 1000) i`);
    ({ manifest } = await makeBackup(postgres, 'shop', folder.path, { more: { roles: ['pgstow'] } }));
    await postgres.psql('shop', 'insert into t values (0)');
    await postgres.createDatabase('full');
    await postgres.psql('full', 'create table kept as select 1 as a');
    before = { ...(await contentsOf(postgres, 'full')), shop: await postgres.psql('shop', 'select count(*) from t') };
  });
  afterAll(async () => {
    await folder[Symbol.asyncDispose]();
    await postgres[Symbol.asyncDispose]();
  });
  const isUntouched = async () => {
    const now = {
      ...(await contentsOf(postgres, 'full')),
      shop: await postgres.psql('shop', 'select count(*) from t'),
    };
    expect(now).toEqual(before);
  };

  test.each([
    ['is not empty', 'create table x ()', 'table public.x'],
    ['has a schema alone', 'create schema other', 'schema other'],
    ['has a large object alone', 'select lo_create(77)', 'large object 77'],
    ['has a partitioned table alone', 'create table p (at date not null) partition by range (at)', 'table public.p'],
    ['has a function alone', 'create function f() returns int language sql as $$ select 1 $$', 'function public.f()'],
    ['has a type alone', "create type mood as enum ('ok')", 'type public.mood'],
  ])('if the target %s', async (what, sql, named) => {
    await postgres.createDatabase(what);
    await postgres.psql(what, sql);
    const { code, text } = await runRestore(['shop', '--to', what], env);
    expect({ code, text }).toMatchObject({
      code: 3,
      text: expect.stringMatching(/is not empty: it has (.*); nothing was touched\nhint: .*--force/),
    });
    expect(text.replaceAll('"', '')).toContain(named);
  });

  test('if the target is a configured source, however it is called', async () => {
    await using proxy = await startFaultProxy({ targetPort: postgres.port, protocol: 'tcp' });
    const aliases = [
      'shop',
      postgres.url('shop'),
      postgres.url('shop').replace('127.0.0.1', 'localhost'),
      postgres.url('shop').replace(String(postgres.port), String(proxy.port)),
    ];
    for (const to of aliases) {
      const { code, text } = await runRestore(['shop', '--to', to, '--create', '--force'], env);
      expect({ code, text }).toMatchObject({ code: 3, text: expect.stringContaining('is a configured source') });
      expect(text).not.toContain(postgres.password);
    }
    // A source that does not exist yet is a source too.
    const other = await runRestore(['shop', '--to', 'other', '--create'], env);
    expect(other).toMatchObject({ code: 3, text: expect.stringContaining('--yes-overwrite-source other') });
    const unlike = ['shop', '--to', 'shop', '--force', '--yes-overwrite-source', 'other'];
    expect(await runRestore(unlike, env)).toMatchObject({ code: 2 });
    const full = await runRestore(['shop', '--to', 'shop', '--yes-overwrite-source', 'shop'], env);
    expect(full).toMatchObject({ code: 3, text: expect.stringContaining('is not empty') });
    await isUntouched();
  });

  test('if it is not empty, and the source cannot say whether it is the source', async () => {
    // As with a proxy or a second address of the server, while the configured address is away.
    const away = { ...env, POSTGRES_PORT: '9' };
    const args = ['shop', '--to', postgres.url('shop'), '--force'];
    const { code, text } = await runRestore(args, away);
    expect({ code, text }).toMatchObject({
      code: 3,
      text: expect.stringMatching(/it is unknown whether .* nothing was touched\nhint: .*--yes-overwrite-source shop/s),
    });
    await isUntouched();
  });

  test('if it does not exist, or does not answer', async () => {
    const missing = await runRestore(['shop', '--to', 'nosuch'], env);
    expect(missing).toMatchObject({ code: 3, text: expect.stringMatching(/does not exist.*--create/s) });
    const dead = await runRestore(['shop', '--to', 'postgresql://a:secret@127.0.0.1:9/x'], env);
    expect(dead).toMatchObject({ code: 1, text: expect.stringContaining('Connection refused') });
    expect(dead.text).not.toContain('secret');
    const url = await runRestore(['shop', '--to', 'postgresql://127.0.0.1/x'], env);
    expect(url).toMatchObject({ code: 2, text: expect.stringContaining('expected postgresql://') });
    const unconfigured = await runRestore(['shop', '--to', 'x'], { BACKUP_DIR: folder.path });
    expect(unconfigured).toMatchObject({ code: 2, text: expect.stringContaining('POSTGRES_HOST') });
    const none = await runRestore(['nosuch', '--to', 'full', '--force'], env);
    expect(none).toMatchObject({ code: 1, text: expect.stringContaining('no backup is known') });
    expect(await runRestore(['shop'], env)).toMatchObject({ code: 2 });
    await isUntouched();
  });

  test('if roles are missing and may not be created', async () => {
    await postgres.psql(
      'postgres',
      "create role plain login password 'p'; create role maker login createrole password 'p'",
    );
    await postgres.psql('postgres', 'create database plains owner plain template template0');
    await postgres.psql('postgres', 'create database makers owner maker template template0');
    await using own = await tempFolder();
    // Without superuser, a table can be given only to a role that may create one there.
    const change = (sql: string) =>
      sql
        .replace('CREATE TABLE', 'GRANT ALL ON SCHEMA public TO "Gone ü";\n\nCREATE TABLE')
        .replaceAll('OWNER TO pgstow', 'OWNER TO "Gone ü"');
    const utf8 = (sql: string) => change(sql).replaceAll('Gone ü', Buffer.from('Gone ü').toString('latin1'));
    const more = { tables: { 'public.t': 1001 } };
    await makeBackup(postgres, 'shop', own.path, { change: utf8, more });
    const settings = { ...env, BACKUP_DIR: own.path };
    const to = (role: string, database: string) => `postgresql://${role}:p@127.0.0.1:${postgres.port}/${database}`;
    const listed = expect.stringMatching(/roles are missing .*"Gone ü"; nothing.*\n.*CREATE ROLE "Gone ü" NOLOGIN;/);

    // The dump names roles, its manifest does not.
    const forbidden = await runRestore(['shop', '--to', to('pgstow', 'full'), '--force', '--no-create-roles'], {
      ...settings,
      PGPASSWORD: postgres.password,
    });
    expect(forbidden.code).not.toBe(0);
    const refused = await runRestore(['shop', '--to', postgres.url('full'), '--force', '--no-create-roles'], settings);
    expect(refused).toMatchObject({ code: 3, text: listed });
    const powerless = await runRestore(['shop', '--to', to('plain', 'plains')], settings);
    expect(powerless).toMatchObject({ code: 3, text: listed });
    await isUntouched();

    // A role that may create roles becomes a member of them, and may give them objects. A failure takes the roles back.
    await using broken = await tempFolder();
    await makeBackup(postgres, 'shop', broken.path, {
      change: (sql) => utf8(sql).replace('CREATE TABLE', 'CREATE TABEL'),
    });
    const failed = await runRestore(['shop', '--to', to('maker', 'makers')], { ...env, BACKUP_DIR: broken.path });
    expect(failed).toMatchObject({ code: 1, text: expect.stringContaining('syntax error') });
    expect(await postgres.psql('postgres', "select count(*) from pg_roles where rolname = 'Gone ü'")).toBe('0');
    const made = await runRestore(['shop', '--to', to('maker', 'makers')], settings);
    expect(made).toMatchObject({ code: 0, text: expect.stringContaining('equal to its manifest: 1,001 rows') });
    const owner = "select tableowner from pg_tables where tablename = 't'";
    expect(await postgres.psql('makers', owner)).toBe('Gone ü');
  });

  test('if the SQL fails; a database that was created for it is gone again', async () => {
    await using own = await tempFolder();
    const change = (sql: string) => sql.replace('\n1000\t', '\nx\t');
    await makeBackup(postgres, 'shop', own.path, { change, more: { roles: [] } });
    const settings = { ...env, BACKUP_DIR: own.path };
    const said = expect.stringMatching(/t, row 1000: invalid input syntax for type integer: "x" \(22P02\)/);
    expect(await runRestore(['shop', '--to', 'created', '--create'], settings)).toMatchObject({ code: 1, text: said });
    expect(await postgres.psql('postgres', "select count(*) from pg_database where datname = 'created'")).toBe('0');
    expect(await runRestore(['shop', '--to', 'full', '--force'], settings)).toMatchObject({ code: 1, text: said });
    await isUntouched();
  });

  test('if a bit of the file is flipped, or its end is missing', async () => {
    await using own = await tempFolder();
    const good = await readFile(join(folder.path, manifest.name));
    await writeFile(join(own.path, `${manifest.name}.manifest.json`), JSON.stringify(manifest));
    const settings = { ...env, BACKUP_DIR: own.path };
    for (const [content, code, said] of [
      [good.with(good.length >> 1, (good[good.length >> 1] ?? 0) ^ 1), 4, 'is BAD: its sha256'],
      [good.with(4, 99), 4, 'is BAD: its sha256'],
      [good.subarray(0, -1), 1, 'it is damaged and does not count'],
      [good.subarray(0, 1000), 1, 'it is damaged and does not count'],
      [good.subarray(0, 0), 1, 'it is damaged and does not count'],
    ] as const) {
      await writeFile(join(own.path, manifest.name), content);
      const { text, ...outcome } = await runRestore(['shop', '--to', 'full', '--force'], settings);
      expect({ ...outcome, text }).toMatchObject({ code, text: expect.stringContaining(said) });
    }
    await isUntouched();
  });

  test('if psql is too old', async ({ skip }) => {
    skip(postgresBinDirs()[0] !== postgres.binDir, 'a newer psql is installed here, and taken');
    await using old = await tempFolder();
    await symlink(join(postgres.binDir, 'pg_dump'), join(old.path, 'pg_dump'));
    // Every psql of PostgreSQL 18 can be locked.
    const version = `${Math.min(postgres.major, 17)}.1`;
    await writeFile(
      join(old.path, 'psql'),
      `#!/bin/sh\n[ "$1" != --version ] || { echo 'psql (PostgreSQL) ${version}'; exit; }\nexec ${postgres.binDir}/psql "$@"\n`,
    );
    await chmod(join(old.path, 'psql'), 0o755);
    const settings = { ...env, PATH: `${old.path}:${process.env['PATH']}` };
    const { code, text } = await runRestore(['shop', '--to', 'full', '--force'], settings);
    expect({ code, text }).toMatchObject({
      code: 3,
      text: expect.stringMatching(/warning: psql \d+\.1 has a known fault.*psql \d+\.1 is too old for this dump/s),
    });
    await isUntouched();
  });
});
