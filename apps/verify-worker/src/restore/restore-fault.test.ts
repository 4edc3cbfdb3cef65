import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { findClients, newestClients, type Clients } from '@pgstow/postgres/client/client-version.ts';
import { restoreDump } from '@pgstow/postgres/restore/restore-dump.ts';
import { makeLocales, speaks } from '@pgstow/testing/machine/make-locales.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { startPostgres, type PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scratchFaultIn, type RestoreFault } from './restore-fault-policy.ts';

const END = '\n--\n-- PostgreSQL database dump complete\n--\n\n';
const LIKE_SOURCE = { isLikeSource: true, limitedBy: undefined };

const cFunction = (file: string, symbol: string): string =>
  `create function f() returns int language c as '${file}', '${symbol}';`;

const ASKS_ANOTHER = `create extension postgres_fdw;
create server away foreign data wrapper postgres_fdw options (host '127.0.0.1', port '1');
create user mapping for current_user server away options (user 'a', password 'b');
create foreign table far (a int) server away;
create materialized view m as select * from far;`;

/** SQL that a server refuses because it lacks something, and what it lacks. */
const LACKING: readonly (readonly [sql: string, why: RegExp])[] = [
  ['create extension no_such;', /lacks an extension/],
  [cFunction('$libdir/no_such', 'f'), /lacks a library/],
  [cFunction('/etc/passwd', 'f'), /lacks a library/],
  [cFunction('$libdir/plpgsql', 'no_such'), /lacks a library/],
  ['create text search dictionary d (template = ispell, dictfile = no_such, afffile = no_such);', /lacks a file/],
  ['do $$ begin for i in 1..5000 loop execute format(\'create table "t %s" ()\', i); end loop; end $$;', /memory/],
  ['create table t (a text collate "xx_XX.utf8");', /lacks a collation/],
  ["create collation c (locale = 'xx_XX');", /lacks a collation/],
  [ASKS_ANOTHER, /asks another server/],
  ['create table t () tablespace no_such;', /has no tablespaces/],
  ["create table t (a money); insert into t values ('£1,234.50');", /lc_monetary/],
  ["select now() at time zone 'Nowhere/Land';", /lacks a time zone/],
  ["create function f() returns int language sql set timezone = 'Nowhere/Land' as 'select 1';", /lacks a time zone/],
  [`create collation c (provider = icu, locale = '${'x'.repeat(300)}');`, /lacks a collation/],
  ['create extension pg_stat_statements; select * from pg_stat_statements;', /does not load a library/],
  ["security label for no_such on schema public is 'x';", /security labels/],
  ["create subscription s connection 'x' publication p with (connect = off, no_such = on);", /another version/],
  ['create table t (); alter table t owner to no_such;', /lacks a role/],
  ['set no_such = 1;', /another version of PostgreSQL/],
  ['create database other;', /made with --create/],
  ['drop table public.gone;', /made with --clean/],
];

/** SQL that a server of another locale or encoding may refuse. */
const OF_LOCALE = [
  "create table t (a text check (a < 'b')); insert into t values ('c');",
  "create table t (a text) partition by list (a); insert into t values ('c');",
  "create table t (a text) partition by list (a); create table u partition of t for values in ('a'); insert into u values ('c');",
  "select E'\\xff';",
];

/** SQL that no server takes. */
const BROKEN = [
  'creat table t ();',
  'create table t (a int primary key); insert into t values (1), (1);',
  'table public.gone;',
];

for (const language of ['C', 'de_DE.UTF-8'])
  describe.skipIf(!speaks(language))(`an error of a server that speaks the language of ${language}`, () => {
    const cleanup = new AsyncDisposableStack();
    let server: PostgresServer;
    let clients: Clients;
    beforeAll(async () => {
      const localeFolder = cleanup.use(await makeLocales(language)).path;
      const settings = { max_locks_per_transaction: '10', max_connections: '10' };
      server = cleanup.use(await startPostgres({ localeFolder, settings }));
      clients = newestClients(await findClients());
      await server.createDatabase('target');
      await server.psql('target', `alter database target set lc_messages = '${language}'`);
    });
    afterAll(() => cleanup.disposeAsync());

    const fault = async (sql: string): Promise<RestoreFault> => {
      await using folder = await tempFolder();
      const path = join(folder.path, 'dump.sql.gz');
      const heading = sql.startsWith('drop ') ? '' : '--\n-- Name: it; Type: SCHEMA; Schema: -; Owner: -\n--\n\n';
      await writeFile(path, gzipSync(`${heading}${sql}\n${END}`));
      // A dump's own settings of the database are not the session's language.
      const needs = { settings: [{ name: 'lc_messages', value: language }], monetaryLocale: 'C', tablespaces: [] };
      const { signal } = new AbortController();
      return await restoreDump({ clients, env: server.env('target'), path, needs, signal }).then(
        () => ({ message: 'no fault' }),
        (error: unknown) => error as RestoreFault,
      );
    };

    it.each(LACKING)('that lies with the server: %s', async (sql, why) => {
      const error = await fault(sql);
      expect({ ...error, message: error.message, why: scratchFaultIn(error, LIKE_SOURCE)?.why }).toMatchObject({
        why: expect.stringMatching(why),
      });
    });

    it.each(OF_LOCALE)('that may lie with another locale: %s', async (sql) => {
      const error = await fault(sql);
      expect(scratchFaultIn(error, { ...LIKE_SOURCE, isLikeSource: false })?.why).toMatch(
        /another collation or encoding/,
      );
      expect(scratchFaultIn(error, LIKE_SOURCE)).toBeUndefined();
    });

    it.each(BROKEN)('that lies with the dump: %s', async (sql) => {
      const error = await fault(sql);
      expect(error).toMatchObject({ name: 'RestoreError' });
      expect(scratchFaultIn(error, LIKE_SOURCE)).toBeUndefined();
    });
  });
