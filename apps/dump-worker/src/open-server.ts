import { readFoundDatabases } from '@pgstow/catalog/folder/read-records.ts';
import { assertUnpooled } from '@pgstow/postgres/client/assert-unpooled.ts';
import { findClients, newestClients } from '@pgstow/postgres/client/client-version.ts';
import { libpqEnvironment } from '@pgstow/postgres/client/libpq-environment.ts';
import { openAnyDatabase } from '@pgstow/postgres/client/open-any-database.ts';
import { PsqlSession } from '@pgstow/postgres/client/psql-session.ts';
import type { DumpContext } from './context.ts';

/** Opens a session for what all databases of the server share. @throws PermanentError | RetryableError as psql says */
export async function openServer(
  { postgres, records }: Pick<DumpContext, 'postgres' | 'records'>,
  applicationName: string,
  signal: AbortSignal,
): Promise<PsqlSession> {
  const clients = newestClients(await findClients());
  const found = readFoundDatabases(records);
  const known = found === undefined || found instanceof Error ? [] : found.databases;
  const there = known.filter(({ goneSince }) => goneSince === undefined).map(({ database }) => database);
  const connect = (database: string): Promise<PsqlSession> =>
    PsqlSession.start(clients, libpqEnvironment(postgres, database, applicationName), signal, {
      assert: assertUnpooled,
    });
  return await openAnyDatabase([...postgres.databases, ...there], connect, signal);
}
