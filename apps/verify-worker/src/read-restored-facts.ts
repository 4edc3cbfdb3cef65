import { PsqlSession } from '@pgstow/postgres/client/psql-session.ts';
import { readDatabaseFacts } from '@pgstow/postgres/facts/database-facts.ts';
import type { ScratchServer } from '@pgstow/scratch/scratch-server.ts';
import type { DatabaseFacts } from '@pgstow/shared/contract/database-facts.ts';

/** What the restored database says of itself, every row counted. */
export async function readRestoredFacts(
  server: ScratchServer,
  database: string,
  signal: AbortSignal,
): Promise<DatabaseFacts> {
  await using session = await PsqlSession.start(server.clients, server.env(database), signal, server.runAs);
  await session.run('begin transaction isolation level repeatable read, read only');
  return await readDatabaseFacts(session, { mode: 'exact', exactUpToBytes: Number.POSITIVE_INFINITY });
}
