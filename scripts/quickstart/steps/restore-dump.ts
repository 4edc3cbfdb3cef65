import { join } from 'node:path';
import { execa } from 'execa';
import type { Run } from '../run-to-end.ts';
import type { Servers } from './start-servers.ts';

export type Restored = { readonly database: string; readonly seconds: number };

/**
 * Runs `gunzip -c FILE | psql` into a new database. One transaction would commit a file that is cut within a table; this file has
 * the sha256 of a proven dump.
 */
export async function restoreDump({ steps, signal }: Run, { postgres }: Servers, file: string): Promise<Restored> {
  return steps.run('Restore', async (report) => {
    const database = 'scratch';
    const startedAt = performance.now();
    report('gunzip -c FILE | psql');
    await postgres.createDatabase(database);
    await execa('gunzip', ['-c', file], { buffer: false, cancelSignal: signal }).pipe(
      join(postgres.binDir, 'psql'),
      ['-X', '-q', '-o', '/dev/null', '--single-transaction', '-v', 'ON_ERROR_STOP=1'],
      { env: postgres.env(database), cancelSignal: signal },
    );
    report('gunzip -c FILE | psql, into a scratch database');
    return { database, seconds: (performance.now() - startedAt) / 1000 };
  });
}
