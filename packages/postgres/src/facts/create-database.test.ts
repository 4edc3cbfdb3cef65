import { hasPostgres } from '@pgstow/testing/machine/capabilities.ts';
import { startPostgres, type PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testedClients } from '../../testing/tested-clients.ts';
import { PsqlSession, StatementError } from '../client/psql-session.ts';
import { createDatabase } from './create-database.ts';

describe.skipIf(!hasPostgres())('a database is created', () => {
  let postgres: PostgresServer;
  let session: PsqlSession;
  beforeAll(async () => {
    postgres = await startPostgres();
    const env = { PATH: process.env['PATH'] ?? '', ...postgres.env('postgres') };
    session = await PsqlSession.start(await testedClients(), env, new AbortController().signal);
  });
  afterAll(async () => {
    await session[Symbol.asyncDispose]();
    await postgres[Symbol.asyncDispose]();
  });
  const made = async (name: string, source: Parameters<typeof createDatabase>[1]) => {
    const lacking = await createDatabase(name, source, (sql) => session.run(sql));
    const sql =
      'select pg_encoding_to_char(encoding), datcollate, datctype from pg_database where datname = current_database()';
    return { lacking, is: await postgres.psql(name, sql) };
  };

  it.each([
    ['like its source', { encoding: 'UTF8', collate: 'C.UTF-8', ctype: 'C.UTF-8' }, undefined, 'UTF8|C.UTF-8|C.UTF-8'],
    [
      'in its encoding without a locale that the server lacks',
      { encoding: 'LATIN1', collate: 'xx_XX', ctype: 'xx_XX' },
      'no locale xx_XX: the new database sorts by C and takes letters as C',
      'LATIN1|C|C',
    ],
    [
      'with the capitals of all letters in place of a locale that the server lacks',
      { encoding: 'UTF8', collate: 'xx_XX', ctype: 'C.UTF-8' },
      'no locale xx_XX and C.UTF-8: the new database sorts by C and takes letters as C.UTF-8',
      'UTF8|C|C.UTF-8',
    ],
  ])('%s', async (name, source, lacking, is) => {
    expect(await made(name, source)).toEqual({ lacking, is });
  });

  it('with the provider of its locale', async ({ skip }) => {
    skip(postgres.major < 17, 'PostgreSQL 17 brought the provider');
    const source = {
      encoding: 'UTF8',
      collate: 'C',
      ctype: 'C',
      localeProvider: 'builtin',
      locale: 'C.UTF-8',
    } as const;
    expect(await made('builtin', source)).toMatchObject({ lacking: undefined });
    const provider = 'select datlocprovider, datlocale from pg_database where datname = current_database()';
    expect(await postgres.psql('builtin', provider)).toBe('b|C.UTF-8');
  });

  it('as the server makes one where the source is unknown, and never twice', async () => {
    expect(await made('unknown', undefined)).toMatchObject({ lacking: undefined });
    await expect(made('unknown', undefined)).rejects.toBeInstanceOf(StatementError);
  });
});
