import type { PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';

export type Database = { readonly postgres: PostgresServer; readonly database: string; readonly signal: AbortSignal };

/** Reads the rows of SQL queries, each an array of columns. */
export async function readRows({ postgres, database, signal }: Database, sql: string): Promise<string[][]> {
  const rows = await postgres.psql(database, sql, signal);
  return rows === '' ? [] : rows.split('\n').map((line) => line.split('|'));
}
