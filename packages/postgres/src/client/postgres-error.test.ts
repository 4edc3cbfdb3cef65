import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PostgresConnection } from '@pgstow/shared/config/subjects/postgres.ts';
import { PermanentError, RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { makeLocales, speaks } from '@pgstow/testing/machine/make-locales.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { freePort } from '@pgstow/testing/servers/free-port.ts';
import { startPostgres, type PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testedClients } from '../../testing/tested-clients.ts';
import { chooseCompressor } from '../dump/compressor.ts';
import { pgDump } from '../dump/pg-dump.ts';
import { trySchemaDump } from '../dump/try-schema-dump.ts';
import { askServer } from '../facts/server-facts.ts';
import { proveGzip } from '../proof/prove-gzip.ts';
import type { Clients } from './client-version.ts';
import { libpqEnvironment } from './libpq-environment.ts';
import { postgresError } from './postgres-error.ts';
import { PsqlSession } from './psql-session.ts';

const never = new AbortController().signal;

/** The server's own words, and those of the two languages that are least like them. */
for (const language of ['C', 'de_DE.UTF-8', 'ja_JP.UTF-8'])
  describe.skipIf(!speaks(language))(`what a real server answers in the language of ${language}`, () => {
    const cleanup = new AsyncDisposableStack();
    let server: PostgresServer;
    let clients: Clients;
    let config: PostgresConnection;

    beforeAll(async () => {
      const localeFolder = cleanup.use(await makeLocales(language)).path;
      server = cleanup.use(await startPostgres({ localeFolder }));
      clients = await testedClients();
      const { host, port, user, password } = server;
      config = {
        host,
        port,
        user,
        password,
        libpq: {},
        libpqFile: {},
      };
      await server.createDatabase('shop');
      await server.psql(
        'shop',
        `create table secret (a int); create table mine (a int);
       create role reader login password 'reader'; create role outsider login password 'outsider'; create role nologin password 'nologin';
       grant select on mine to reader; alter table mine enable row level security; create policy p on mine using (true);
       create role all_reader login password 'all_reader'; grant pg_read_all_data to all_reader;
       create role backup login password 'backup' bypassrls; grant pg_read_all_data to backup;
       create database closed; revoke connect on database closed from public;
       create role busy login password 'busy' connection limit 0; create role rejected login password 'rejected';
       create database brimful connection limit 0; create database shut allow_connections false;`,
      );
      await server.psql('postgres', `alter system set lc_messages = '${language}'`);
      const rules = join(server.dataDir, 'pg_hba.conf');
      const byAddress = (await readFile(rules, 'utf8')).replaceAll(/^local .*$/gm, '');
      await writeFile(rules, `host all rejected 127.0.0.1/32 reject\n${byAddress}`);
      await server.psql('postgres', 'select pg_reload_conf()');
    });
    afterAll(() => cleanup.disposeAsync());

    const ask = (change: Partial<PostgresConnection>, database = 'shop') =>
      askServer(clients, libpqEnvironment({ ...config, ...change }, database, 'test'), never);
    const as = (user: string): Partial<PostgresConnection> => ({ user, password: user });
    async function dump(change: Partial<PostgresConnection>, extraOptions: readonly string[] = []) {
      await using folder = await tempFolder();
      const path = join(folder.path, 'dump.sql.gz');
      await using file = await open(path, 'wx');
      const compressor = await chooseCompressor('auto');
      await pgDump({
        clients,
        compressor,
        database: 'shop',
        env: libpqEnvironment({ ...config, ...change }, 'shop', 'test'),
        extraOptions,
        file,
        timeoutMs: 60_000,
        stallTimeoutMs: 60_000,
        signal: never,
        onProgress: () => undefined,
      });
      return await proveGzip(path, never);
    }

    it('to the right questions is its version and the size of the database', async () => {
      const { session, ...facts } = await ask({});
      await session?.[Symbol.asyncDispose]();
      expect(facts.major).toBe(server.major);
      expect(facts.version).toMatch(new RegExp(`^${server.major}\\.`));
      expect(facts.databaseBytes).toBeGreaterThan(1_000_000);
    });

    it.each<[string, Partial<PostgresConnection>, string, RegExp]>([
      ['a wrong password', { password: 'wrong' }, 'shop', /^Check POSTGRES_USER and POSTGRES_PASSWORD/],
      ['no password', { password: undefined }, 'shop', /^Check POSTGRES_USER and POSTGRES_PASSWORD/],
      ['an unknown role', { user: 'nobody here' }, 'shop', /^Check POSTGRES_USER and POSTGRES_PASSWORD/],
      ['a role that may not log in', as('nologin'), 'shop', /^Check POSTGRES_USER and POSTGRES_PASSWORD/],
      ['an unknown database', {}, 'Shop', /^Check POSTGRES_DB/],
      ['a database in two lines', {}, 'a\nb', /^Check POSTGRES_DB/],
      ['a connection string as database', {}, 'host=127.0.0.9 dbname=shop', /^Check POSTGRES_DB/],
      ['a URL as database', {}, 'postgresql://127.0.0.9/shop', /^Check POSTGRES_DB/],
      ['an option as database', {}, '--file=/tmp/x', /^Check POSTGRES_DB/],
      ['a database that the role may not enter', as('outsider'), 'closed', /^The role cannot read everything/],
      ['a role that pg_hba.conf rejects', as('rejected'), 'shop', /^The server's pg_hba.conf/],
      ['a database that lets nobody in', {}, 'shut', /^Let the database be connected to/],
      ['TLS that the server does not have', { libpq: { PGSSLMODE: 'require' } }, 'shop', /^Check PGSSLMODE/],
      [
        'a certificate authority that is not there',
        { libpq: { PGSSLMODE: 'verify-full', PGSSLROOTCERT: '/nowhere' } },
        'shop',
        /^Check PGSSLMODE/,
      ],
    ])('to %s is for good, with a hint', async (_what, change, database, hint) => {
      const error = await ask(change, database).catch((cause: unknown) => cause);
      expect(error).toBeInstanceOf(PermanentError);
      expect((error as PermanentError).hint).toMatch(hint);
      expect((error as Error).message).toContain(`cannot reach database ${JSON.stringify(database)}: psql: error: `);
      expect((error as Error).message).not.toContain(server.password);
    });

    it('by a socket that pg_hba.conf does not list is for good, with a hint', async () => {
      const error = await ask({ host: server.socketDir }).catch((cause: unknown) => cause);
      expect(error).toMatchObject({ name: 'PermanentError', hint: expect.stringMatching(/^The server's pg_hba.conf/) });
    });

    it.each([
      ['role', 'busy', 'shop'],
      ['database', 'backup', 'brimful'],
    ])('to a %s without a free connection is tried again, with a hint', async (_what, role, database) => {
      const error = await ask(as(role), database).catch((cause: unknown) => cause);
      expect(error).toMatchObject({ name: 'RetryableError', hint: expect.stringMatching(/^No connection is free/) });
    });

    it('to anybody while all its connections are taken is tried again, with a hint', async () => {
      await using locales = await makeLocales(language);
      const settings = { max_connections: '4', superuser_reserved_connections: '2' };
      await using crowded = await startPostgres({ localeFolder: locales.path, settings });
      await crowded.psql('postgres', "create role plain login password 'plain'");
      await crowded.psql('postgres', `alter system set lc_messages = '${language}'`);
      await crowded.psql('postgres', 'select pg_reload_conf()');
      const { host, port, user, password } = crowded;
      const refused = async (change: Partial<PostgresConnection>) => {
        const env = libpqEnvironment({ ...config, host, port, ...change }, 'postgres', 'test');
        const error = await askServer(clients, env, never).catch((cause: unknown) => cause);
        expect(error).toMatchObject({ name: 'RetryableError', hint: expect.stringMatching(/^No connection is free/) });
      };
      await using sessions = new AsyncDisposableStack();
      const take = async () => void sessions.use(await PsqlSession.start(clients, crowded.env('postgres'), never));
      await take();
      await take();
      await refused(as('plain'));
      await take();
      await take();
      await refused({ user, password });
    });

    it('to a dump of a locked table is tried again, with a hint', async () => {
      await using session = await PsqlSession.start(clients, server.env('shop'), never);
      await session.run('begin');
      await session.run('lock table public.mine in access exclusive mode');
      const env = libpqEnvironment({ ...config, ...as('backup') }, 'shop', 'test');
      const waited = trySchemaDump({ clients, database: 'shop', env, extraOptions: [], signal: never });
      await expect(waited).rejects.toMatchObject({ name: 'DelayedDumpError' });
    });

    it('from a host or port where nobody listens is tried again', async () => {
      const cases: [Partial<PostgresConnection>, RegExp][] = [
        [{ port: await freePort() }, /^Is the server running/],
        [{ host: '/nowhere' }, /^Is the server running/],
        [{ host: 'no-such-host.invalid' }, /^Check POSTGRES_HOST/],
      ];
      for (const [change, hint] of cases) {
        const error = await ask(change).catch((cause: unknown) => cause);
        expect(error).toBeInstanceOf(RetryableError);
        expect((error as RetryableError).hint).toMatch(hint);
      }
    });

    it.each<[string, string, readonly string[], RegExp]>([
      ['a role that may not read a table', 'reader', [], /^The role cannot read everything/],
      ['a role that may not see all rows', 'reader', ['--table=mine'], /^The role cannot read everything/],
      ['a role that may read all but not all rows', 'all_reader', [], /^The role cannot read everything/],
      ['a table that is not there', 'backup', ['--table=nothing'], /^Check POSTGRES_EXTRA_OPTS/],
    ])('to a dump with %s is for good, with a hint', async (_what, role, options, hint) => {
      const error = await dump(as(role), options).catch((cause: unknown) => cause);
      expect(error).toBeInstanceOf(PermanentError);
      expect((error as PermanentError).hint).toMatch(hint);
      expect((error as Error).message).toMatch(/^pg_dump exited with code 1 for "shop": pg_dump: error: /);
    });

    it('to a dump by the role that the hint asks for is a dump', async () => {
      expect(await dump(as('backup'))).toMatchObject({
        tables: { 'public.mine': 0, 'public.secret': 0 },
      });
    });

    it('while it stops is tried again, with a hint', async () => {
      await using _session = await PsqlSession.start(clients, server.env('shop'), never);
      process.kill(server.pid, 'SIGTERM');
      await eventually(async () => {
        const error = await ask(as('backup')).catch((cause: unknown) => cause);
        expect(error).toMatchObject({ name: 'RetryableError', hint: 'The server is starting or stopping.' });
      });
    });
  });

it('what nobody has read before is tried again, as it was said', () => {
  const error = postgresError('pg_dump exited with code 1', ' pg_dump: error: the moon is full\n');
  expect(error).toBeInstanceOf(RetryableError);
  expect(error.message).toBe('pg_dump exited with code 1: pg_dump: error: the moon is full');
  expect(error.hint).toMatch(/^pgstow does not know this message/);
  expect(postgresError('pg_dump was ended by SIGKILL', '').message).toBe('pg_dump was ended by SIGKILL');
});
