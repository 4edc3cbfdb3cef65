import { hasPostgres } from '@pgstow/testing/machine/capabilities.ts';
import { startPostgres, type PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testedClients } from '../../testing/tested-clients.ts';
import { libpqEnvironment } from '../client/libpq-environment.ts';
import { settingsStatements } from '../restore/session-settings.ts';
import { askServer } from './server-facts.ts';

describe.skipIf(!hasPostgres())('what a server says before its database is dumped', () => {
  let postgres: PostgresServer;
  beforeAll(async () => {
    postgres = await startPostgres();
    await postgres.createDatabase('shop');
    await postgres.psql('shop', "create role plain login password 'p'");
  });
  afterAll(() => postgres[Symbol.asyncDispose]());

  const ask = async (user: string, password: string, libpqFile: Readonly<Record<string, string>> = {}) => {
    const server = { host: postgres.host, port: postgres.port, libpq: {}, libpqFile };
    const env = libpqEnvironment({ ...server, user, password }, 'shop', 'test');
    const { session, ...facts } = await askServer(await testedClients(), env, new AbortController().signal);
    await session?.[Symbol.asyncDispose]();
    return facts;
  };

  it('tells its version, the size, and whose it is to any role', async () => {
    const facts = await ask('plain', 'p');
    expect(facts).toMatchObject({ major: expect.any(Number), version: expect.any(String) });
    expect(facts.databaseBytes).toBeGreaterThan(0);
    const own = await postgres.psql('shop', 'select system_identifier from pg_control_system()');
    const oid = await postgres.psql('shop', "select oid from pg_database where datname = 'shop'");
    expect(facts.identity).toEqual({
      systemIdentifier: own.trim(),
      databaseOid: Number(oid),
      startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
    });
    expect(await ask(postgres.user, postgres.password)).toEqual(facts);
  });

  it('tells what a dump takes for granted and does not hold', async () => {
    await postgres.createDatabase('needy');
    await postgres.psql(
      'needy',
      `create role clerk; create role readers; grant readers to clerk; alter database needy set app.tenant = 'a=b'; alter role clerk in database needy set search_path = x, y;
       create table t (); grant select on t to clerk; create publication everything for all tables`,
    );
    const server = { host: postgres.host, port: postgres.port, libpq: {}, libpqFile: {} };
    const env = libpqEnvironment({ ...server, user: 'plain', password: 'p' }, 'needy', 'test');
    const { needs, session } = await askServer(await testedClients(), env, new AbortController().signal);
    await session?.[Symbol.asyncDispose]();
    expect(needs).toEqual({
      settings: [
        { name: 'app.tenant', value: 'a=b' },
        { name: 'search_path', value: 'x, y', role: 'clerk' },
      ],
      monetaryLocale: 'C',
      tablespaces: [],
      extensions: { plpgsql: { version: '1.0', schema: 'pg_catalog' } },
      owner: postgres.user,
      roles: [
        { name: 'clerk', memberOf: ['readers'] },
        { name: postgres.user, isSuperuser: true, ownsAsSuperuser: ['publication everything'] },
      ],
      madeBySuperuser: ['publication everything'],
    });
    expect(settingsStatements(needs, 'new "one"')).toEqual([
      `ALTER DATABASE "new ""one""" SET "app"."tenant" = 'a=b';`,
      `ALTER ROLE "clerk" IN DATABASE "new ""one""" SET "search_path" = x, y;`,
    ]);
  });

  it('goes without its number where a role may not read it', async () => {
    await postgres.psql('shop', 'revoke execute on function pg_control_system() from public');
    const { identity } = await ask('plain', 'p');
    expect(identity).toEqual({ databaseOid: expect.any(Number), startedAt: expect.any(String) });
    await postgres.psql('shop', 'grant execute on function pg_control_system() to public');
  });

  it('is asked with what only a service file can hold', async () => {
    expect(await ask('plain', 'p', { keepalives_idle: '60' })).toMatchObject({ major: postgres.major });
    await expect(ask('plain', 'p', { keepalives_idle: 'soon' })).rejects.toMatchObject({
      message: expect.stringContaining('keepalives_idle'),
    });
  });
});
