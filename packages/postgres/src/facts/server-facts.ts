import { dumpNeedsSchema, type DumpNeeds } from '@pgstow/shared/contract/dump-needs.ts';
import { sourceIdentitySchema, type SourceIdentity } from '@pgstow/shared/contract/source-identity.ts';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { z } from 'zod';
import { assertUnpooled } from '../client/assert-unpooled.ts';
import type { Clients } from '../client/client-version.ts';
import { PsqlSession } from '../client/psql-session.ts';

export type ServerFacts = {
  /** As in `15.18 (Debian 15.18-0+deb12u1)`. */
  readonly version: string;
  readonly major: number;
  /** Bytes of the server's disk that the database takes. */
  readonly databaseBytes: number;
  /** Identity of the database and its server, without the address. */
  readonly identity: Omit<SourceIdentity, 'address'>;
  readonly needs: DumpNeeds;
};

/** Limit for a connection and three small queries. */
const ANSWER_MS = 60_000;

const FACTS = `
select jsonb_build_object(
  'major', current_setting('server_version_num')::int / 10000,
  'version', current_setting('server_version'),
  'databaseBytes', pg_database_size(oid),
  'databaseOid', oid::bigint,
  'startedAt', to_char(pg_postmaster_start_time() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
  'mayIdentify', has_function_privilege('pg_catalog.pg_control_system()', 'execute')
) from pg_database where datname = current_database()`;

/** Any role may read this. A setting is kept as `name=value`. */
const NEEDS = `
select jsonb_build_object(
  'settings', (select coalesce(jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
      'name', split_part(setting, '=', 1), 'value', substr(setting, strpos(setting, '=') + 1),
      'role', (select rolname from pg_roles where oid = s.setrole))) order by s.setrole, setting), '[]')
    from pg_db_role_setting s, unnest(s.setconfig) setting where s.setdatabase = d.oid),
  'monetaryLocale', current_setting('lc_monetary'),
  'tablespaces', (select coalesce(jsonb_agg(spcname order by spcname), '[]') from pg_tablespace t
    where t.spcname <> 'pg_global' and exists (select from pg_class c where c.reltablespace = t.oid))
) from pg_database d where d.datname = current_database()`;

const factsSchema = z
  .object({ major: z.int(), version: z.string(), databaseBytes: z.int(), mayIdentify: z.boolean() })
  .extend(sourceIdentitySchema.omit({ address: true, systemIdentifier: true }).shape);

/** @throws StatementError | PermanentError | RetryableError as the session does */
export async function readServerFacts(session: PsqlSession): Promise<ServerFacts> {
  const { major, version, databaseBytes, mayIdentify, ...identity } = await session.queryRow(FACTS, factsSchema);
  // Hosted servers revoke this right. Then even a statement that names the function in a branch that is never taken fails.
  const systemIdentifier = mayIdentify
    ? await session.queryRow('select to_jsonb(system_identifier::text) from pg_control_system()', z.string())
    : undefined;
  const needs = await session.queryRow(NEEDS, dumpNeedsSchema);
  return { major, version, databaseBytes, identity: { ...identity, systemIdentifier }, needs };
}

/**
 * Asks the server before anything is dumped.
 *
 * @param env see `libpqEnvironment`
 * @throws PermanentError | RetryableError with a hint
 */
export async function askServer(
  clients: Clients,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<ServerFacts> {
  const late = AbortSignal.timeout(ANSWER_MS);
  const ended = AbortSignal.any([signal, late]);
  try {
    await assertUnpooled(clients, env, ended);
    await using session = await PsqlSession.start(clients, env, ended);
    return await readServerFacts(session);
  } catch (error) {
    signal.throwIfAborted();
    if (!late.aborted) throw error;
    throw new RetryableError(
      `database ${JSON.stringify(env['PGDATABASE'])} did not answer within ${ANSWER_MS / 1000} seconds`,
      { hint: 'The server accepts connections and then stays silent; look at its log and its load.' },
    );
  }
}
