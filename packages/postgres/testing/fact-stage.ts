import type { DatabaseFacts } from '@pgstow/shared/contract/database-facts.ts';
import { startPostgres, type PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import { execa } from 'execa';
import type { Clients } from '../src/client/client-version.ts';
import { PsqlSession } from '../src/client/psql-session.ts';
import { readDatabaseFacts } from '../src/facts/database-facts.ts';
import { testedClients } from './tested-clients.ts';

export const EXACT = { mode: 'exact', exactUpToBytes: 1e12 } as const;

export type FactStage = AsyncDisposable & {
  readonly postgres: PostgresServer;
  readonly clients: Clients;
  envOf(database: string): Record<string, string>;
  /** The database's facts, every row counted. */
  factsOf(database: string): Promise<DatabaseFacts>;
  dumpOf(database: string, args?: readonly string[]): Promise<string>;
  /** Makes a new database out of a dump's text. */
  restored(name: string, sql: string): Promise<string>;
};

/** A server whose databases are asked for their facts, dumped and restored. */
export async function openFactStage(): Promise<FactStage> {
  const clients = await testedClients();
  const postgres = await startPostgres();
  const envOf = (database: string) => ({
    PATH: process.env['PATH'] ?? '',
    LC_ALL: 'C.UTF-8',
    ...postgres.env(database),
  });
  return {
    postgres,
    clients,
    envOf,
    factsOf: async (database) => {
      await using session = await PsqlSession.start(clients, envOf(database), new AbortController().signal);
      await session.run('begin isolation level repeatable read read only');
      return await readDatabaseFacts(session, EXACT);
    },
    dumpOf: async (database, args = []) =>
      (await execa(`${clients.folder}/pg_dump`, args, { env: envOf(database), extendEnv: false })).stdout,
    restored: async (name, sql) => {
      await postgres.createDatabase(name);
      await postgres.psql(name, sql);
      return name;
    },
    [Symbol.asyncDispose]: () => postgres[Symbol.asyncDispose](),
  };
}
