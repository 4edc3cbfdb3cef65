import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { makeLocales, speaks } from '@pgstow/testing/machine/make-locales.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { startPostgres, type PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testedClients } from '../../testing/tested-clients.ts';
import type { Clients } from '../client/client-version.ts';
import { restoreDump } from './restore-dump.ts';

const END = '\n--\n-- PostgreSQL database dump complete\n--\n\n';

const heading = (type: string): string => `--\n-- Name: it; Type: ${type}; Schema: -; Owner: -\n--\n\n`;

const LEANING = `SET check_function_bodies = false;
create function public.twice(i int) returns int language sql immutable as 'select i * 2';
create function public.four_times(i int) returns int language sql immutable as 'select twice(twice(i))';
SELECT pg_catalog.set_config('search_path', '', false);
create table public.doubled (i int check (public.four_times(i) > 0));
insert into public.doubled values (1);`;

const FAR = `create extension postgres_fdw; grant usage on foreign data wrapper postgres_fdw to plain; set role plain;
create server away foreign data wrapper postgres_fdw options (host '127.0.0.1', port '1');
create user mapping for plain server away options (user 'a', password 'b');
create foreign table far_table (a int) server away; create materialized view far as select * from far_table with no data;`;

/** Statements that a role without rights cannot run, and what a person can do. */
const CASES: readonly (readonly [what: string, sql: string, hint: RegExp])[] = [
  [
    'a role that is missing',
    'create table t (); alter table t owner to "nobody at all";',
    /^Create it with CREATE ROLE/,
  ],
  ['a setting that is unknown', 'set no_such_timeout = 0;', /^The dump was written by a newer pg_dump/],
  ['an extension that is missing', `${heading('EXTENSION')}create extension no_such;`, /^Install the extension/],
  [
    'an extension of superusers',
    `${heading('EXTENSION')}create extension file_fdw;`,
    /^Restore as a role that may create it/,
  ],
  ['a table that is there', 'create table t (); create table t ();', /^The target is not empty/],
  ['a schema that is there', 'create schema s; create schema s;', /^The target is not empty/],
  [
    'too many locks',
    'do $$ begin for i in 1..5000 loop execute format(\'create table "t %s" ()\', i); end loop; end $$;',
    /raise max_locks_per_transaction/,
  ],
  ['a function that relies on search_path', LEANING, /^A function looks for it by search_path.*--search-path public/],
  [
    'an event trigger',
    `create function e() returns event_trigger language plpgsql as 'begin end';
${heading('EVENT TRIGGER')}create event trigger e on ddl_command_end execute function e();`,
    /^Only a superuser may create and own it/,
  ],
  [
    'a view whose owner may not read',
    `${heading('MATERIALIZED VIEW DATA')}refresh materialized view public.unread;`,
    /^It is built with the rights of its owner/,
  ],
  ['a view of another server', 'refresh materialized view public.far;', /^Restoring it asks another server/],
  [
    'an object of another role',
    'alter table public.theirs add a int;',
    /^Restore as a superuser, or as a role that is a member/,
  ],
];

for (const language of ['C', 'de_DE.UTF-8', 'ja_JP.UTF-8'])
  describe.skipIf(!speaks(language))(`a restore that fails in the language of ${language}`, () => {
    const cleanup = new AsyncDisposableStack();
    let server: PostgresServer;
    let clients: Clients;
    beforeAll(async () => {
      const localeFolder = cleanup.use(await makeLocales(language)).path;
      const settings = { max_locks_per_transaction: '10', max_connections: '10' };
      server = cleanup.use(await startPostgres({ localeFolder, settings }));
      clients = await testedClients();
      await server.psql('postgres', `alter system set lc_messages = '${language}'`);
      await server.psql('postgres', 'select pg_reload_conf()');
      await server.createDatabase('target');
      await server.psql(
        'target',
        `create role plain login password 'p'; grant create on database target to plain; grant create on schema public to plain;
       create table theirs (); create materialized view unread as select * from theirs; alter materialized view unread owner to plain;
       ${FAR}`,
      );
    });
    afterAll(() => cleanup.disposeAsync());

    it.each(CASES)('at %s says what to do', async (_what, sql, hint) => {
      await using folder = await tempFolder();
      const path = join(folder.path, 'dump.sql.gz');
      await writeFile(path, gzipSync(`${sql}\n${END}`));
      const env = { ...server.env('target'), PGUSER: 'plain', PGPASSWORD: 'p' };
      const restored = restoreDump({ clients, env, path, signal: new AbortController().signal });
      await expect(restored).rejects.toMatchObject({ name: 'RestoreError', hint: expect.stringMatching(hint) });
    });
  });
