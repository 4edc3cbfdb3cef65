import { join } from 'node:path';
import { execa } from 'execa';
import { psqlEnvironment } from './run-psql.ts';
import type { Run } from './run-to-end.ts';
import type { Servers } from './start-servers.ts';

export type Restored = { readonly database: string; readonly seconds: number };

/**
 * `gunzip -c FILE | psql` into a new database. A single transaction would commit a file that is cut off within a table;
 * this one has the sha256 of a proven dump.
 */
export async function restoreDump({ steps, signal }: Run, { postgres }: Servers, file: string): Promise<Restored> {
  return steps.run('Restore', async (tell) => {
    const database = 'scratch';
    const startedAt = performance.now();
    tell('gunzip -c FILE | psql');
    await postgres.createDatabase(database);
    await execa('gunzip', ['-c', file], { buffer: false, cancelSignal: signal }).pipe(
      join(postgres.binDir, 'psql'),
      ['-X', '-q', '-o', '/dev/null', '--single-transaction', '-v', 'ON_ERROR_STOP=1'],
      { env: psqlEnvironment(postgres, database), extendEnv: false, cancelSignal: signal },
    );
    tell('gunzip -c FILE | psql, into a scratch database');
    return { database, seconds: (performance.now() - startedAt) / 1000 };
  });
}
