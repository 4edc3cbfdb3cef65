import { join } from 'node:path';
import { sourceIdentitySchema, type SourceIdentity } from '@pgstow/shared/contract/source-identity.ts';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { execa } from 'execa';
import { z } from 'zod';
import type { Clients } from '../client/client-version.ts';
import { postgresError } from '../client/postgres-error.ts';

export type ServerFacts = {
  /** As in `15.18 (Debian 15.18-0+deb12u1)`. */
  readonly version: string;
  readonly major: number;
  /** What the database takes on the server's disk. */
  readonly databaseBytes: number;
  /** Whose the database is, but for where it was reached. */
  readonly identity: Omit<SourceIdentity, 'address'>;
};

/** For a connection and three small queries. */
const ANSWER_MS = 60_000;

/** A function that may not be called fails a statement though its branch is never taken; hosted servers take the right away. */
const ASK = String.raw`
\set ON_ERROR_STOP on
select jsonb_build_object(
  'number', current_setting('server_version_num')::int,
  'version', current_setting('server_version'),
  'databaseBytes', pg_database_size(oid),
  'databaseOid', oid::bigint,
  'startedAt', to_char(pg_postmaster_start_time() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
) from pg_database where datname = current_database();
select has_function_privilege('pg_catalog.pg_control_system()', 'execute') as may_identify \gset
\set ON_ERROR_STOP off
\if :may_identify
select jsonb_build_object('systemIdentifier', system_identifier::text) from pg_catalog.pg_control_system();
\endif
`;

const answerSchema = z
  .object({ number: z.int(), version: z.string(), databaseBytes: z.int() })
  .extend(sourceIdentitySchema.omit({ address: true }).shape);

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
  const { stdout, stderr, failed, timedOut } = await execa(
    join(clients.folder, 'psql'),
    ['--no-psqlrc', '--no-password', '--quiet', '--tuples-only', '--no-align'],
    { env, extendEnv: false, reject: false, cancelSignal: signal, timeout: ANSWER_MS, input: ASK },
  );
  signal.throwIfAborted();
  if (timedOut) {
    throw new RetryableError(`database ${JSON.stringify(database)} did not answer within ${ANSWER_MS / 1000} seconds`, {
      hint: 'The server accepts connections and then stays silent; look at its log and its load.',
    });
  }
  if (failed) throw postgresError(`cannot reach database ${JSON.stringify(database)}`, stderr);
  const answer = parseAnswer(stdout);
  if (answer === undefined)
    throw new RetryableError(`expected version and size from the server, got ${JSON.stringify(stdout.slice(0, 200))}`);
  const { number, version, databaseBytes, ...identity } = answer;
  return { version, major: Math.floor(number / 10_000), databaseBytes, identity };
}

function parseAnswer(stdout: string): z.infer<typeof answerSchema> | undefined {
  try {
    const lines = stdout.split('\n').filter((line) => line !== '');
    return answerSchema.parse(Object.assign({}, ...lines.map((line) => JSON.parse(line) as object)));
  } catch {
    return undefined;
  }
}
