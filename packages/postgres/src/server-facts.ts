import { join } from 'node:path';
import { execa } from 'execa';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import type { Clients } from './client-version.ts';
import { postgresError } from './postgres-error.ts';

export type ServerFacts = {
  /** As in `15.18 (Debian 15.18-0+deb12u1)`. */
  readonly version: string;
  readonly major: number;
  /** What the database takes on the server's disk. */
  readonly databaseBytes: number;
};

/** For a connection and two small queries. */
const ANSWER_MS = 60_000;

/**
 * Asks the server before anything is dumped.
 *
 * @param env see `libpqEnvironment`
 * @throws PermanentError | RetryableError with a hint
 */
export async function readServerFacts(
  clients: Clients,
  database: string,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<ServerFacts> {
  const sql =
    "select current_setting('server_version_num'), current_setting('server_version'), pg_database_size(current_database())";
  const { stdout, stderr, failed, timedOut } = await execa(
    join(clients.folder, 'psql'),
    ['--no-psqlrc', '--no-password', '--tuples-only', '--no-align', '--field-separator=\t', '--command', sql],
    { env, extendEnv: false, reject: false, cancelSignal: signal, timeout: ANSWER_MS, stdin: 'ignore' },
  );
  signal.throwIfAborted();
  if (timedOut) {
    throw new RetryableError(`database ${JSON.stringify(database)} did not answer within ${ANSWER_MS / 1000} seconds`, {
      hint: 'The server accepts connections and then stays silent; look at its log and its load.',
    });
  }
  if (failed) throw postgresError(`cannot reach database ${JSON.stringify(database)}`, stderr);
  const [number, version, databaseBytes] = stdout.trim().split('\t');
  if (number === undefined || version === undefined || databaseBytes === undefined) {
    throw new RetryableError(`expected version and size from the server, got ${JSON.stringify(stdout.slice(0, 200))}`);
  }
  return { version, major: Math.floor(Number(number) / 10_000), databaseBytes: Number(databaseBytes) };
}
