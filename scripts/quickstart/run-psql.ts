import { join } from 'node:path';
import type { PostgresServer } from '@pgstow/testing/postgres-server.ts';
import { execa } from 'execa';

export type PsqlOptions = {
  readonly postgres: PostgresServer;
  readonly database: string;
  readonly signal: AbortSignal;
};

/** Runs psql with `-c` or `-f`, and returns the rows, each an array of columns. It stops at the first error. */
export async function runPsql(
  { postgres, database, signal }: PsqlOptions,
  args: readonly string[],
): Promise<string[][]> {
  const { stdout } = await execa(
    join(postgres.binDir, 'psql'),
    ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', ...args],
    { env: psqlEnvironment(postgres, database), extendEnv: false, stdin: 'ignore', cancelSignal: signal },
  );
  return stdout === '' ? [] : stdout.split('\n').map((line) => line.split('|'));
}

export function psqlEnvironment(postgres: PostgresServer, database: string): Record<string, string> {
  return { ...postgres.env(database), PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C.UTF-8' };
}
