import { hasPostgres } from '@pgstow/testing/machine/capabilities.ts';
import { startPostgres, type PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findClients, newestClients } from '../client/client-version.ts';
import { libpqEnvironment } from '../client/libpq-environment.ts';
import { openAnyDatabase } from '../client/open-any-database.ts';
import { PsqlSession } from '../client/psql-session.ts';
import { listDatabases } from './list-databases.ts';

describe.skipIf(!hasPostgres())('the databases of a server', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
    for (const name of ['shop', 'odd "name"', 'closed', 'model']) await server.createDatabase(name);
    await server.psql(
      'postgres',
      `ALTER DATABASE closed ALLOW_CONNECTIONS false; ALTER DATABASE model IS_TEMPLATE true;
       CREATE ROLE plain LOGIN PASSWORD 'p'; CREATE ROLE blind LOGIN PASSWORD 'p'`,
    );
    // In one database alone: rights on a catalog are the database's own.
    await server.psql('shop', 'REVOKE SELECT ON pg_database FROM PUBLIC; GRANT SELECT ON pg_database TO plain');
    await server.psql('postgres', 'REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC');
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const list = async (user: string, first: string) => {
    const clients = newestClients(await findClients());
    const password = user === server.user ? server.password : 'p';
    const signal = AbortSignal.timeout(60_000);
    const connect = (database: string) => {
      const connection = { ...server, user, password, libpq: {}, libpqFile: {} };
      return PsqlSession.start(clients, libpqEnvironment(connection, database, 'test'), signal);
    };
    await using session = await openAnyDatabase([first], connect, signal);
    return await listDatabases(session);
  };

  it('are those that can be dumped, in any database that lets us in', async () => {
    const asSuperuser = await list(server.user, 'gone');
    expect(asSuperuser.databases.map(({ database }) => database)).toEqual(['odd "name"', 'postgres', 'shop']);
    expect(asSuperuser.systemIdentifier).toMatch(/^\d+$/);
    expect((await list('plain', 'shop')).databases).toEqual(asSuperuser.databases);
  });

  it('are not none for a role that may not list them, nor for one that gets in nowhere', async () => {
    await expect(list('blind', 'shop')).rejects.toMatchObject({
      name: 'PermanentError',
      message: expect.stringMatching(/may not list.*permission denied for table pg_database/),
      hint: expect.stringMatching(/GRANT SELECT ON pg_catalog\.pg_database/),
    });
    await expect(list('nobody', 'shop')).rejects.toThrow(/password authentication failed/);
  });
});
