import { setTimeout as delay } from 'node:timers/promises';
import type { DumpNeeds } from '@pgstow/shared/contract/dump-needs.ts';
import { sourceIdentitySchema, type SourceIdentity } from '@pgstow/shared/contract/source-identity.ts';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { z } from 'zod';
import { assertUnpooled } from '../client/assert-unpooled.ts';
import type { Clients } from '../client/client-version.ts';
import { PsqlSession } from '../client/psql-session.ts';
import { readDumpNeeds } from './read-dump-needs.ts';

export type ServerFacts = {
  /** As in `15.18 (Debian 15.18-0+deb12u1)`. */
  readonly version: string;
  readonly major: number;
  /** Bytes of the server's disk that the database takes. */
  readonly databaseBytes: number;
  /** Identity of the database and its server, without the address. */
  readonly identity: Omit<SourceIdentity, 'address'>;
};

/** Time in which a server may count a session that has ended. pg_dump would be refused, and a dump is not begun twice in an attempt. */
const STILL_COUNTED_MS = 2000;
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
  return { major, version, databaseBytes, identity: { ...identity, systemIdentifier } };
}

/**
 * Whether the server would refuse a second connection. It counts no superuser, and fewer than are counted here: without need
 * a dump goes without its source's facts, and never fails for them.
 */
const IS_LAST_CONNECTION = `
select to_jsonb(not r.rolsuper and (
  r.rolconnlimit between 0 and (select count(*) from pg_stat_activity a where a.usesysid = r.oid)
  or d.datconnlimit between 0 and (select count(*) from pg_stat_activity a where a.datid = d.oid)
  or current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
    <= (select count(*) from pg_stat_activity a where a.usesysid is not null and a.datid is not null)))
from pg_roles r, pg_database d where r.rolname = session_user and d.datname = current_database()`;

/** What a server says before a dump begins. */
export type AskedServer = ServerFacts & {
  readonly needs: DumpNeeds;
  /** The session that asked, for the dump's snapshot. It has ended, and is `undefined`, where pg_dump needs its connection. */
  readonly session: PsqlSession | undefined;
};

/**
 * Asks the server before anything is dumped. The caller ends the session.
 *
 * @param env see `libpqEnvironment`
 * @param signal ends the session at any time
 * @throws PermanentError | RetryableError with a hint
 */
export async function askServer(
  clients: Clients,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<AskedServer> {
  await using stack = new AsyncDisposableStack();
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), ANSWER_MS);
  stack.defer(() => clearTimeout(timer));
  const ended = AbortSignal.any([signal, late.signal]);
  const asking = { ...env, PGAPPNAME: `source of ${env['PGAPPNAME']}` };
  try {
    const session = stack.use(await PsqlSession.start(clients, asking, ended, { assert: assertUnpooled }));
    const facts = await readServerFacts(session);
    const needs = await readDumpNeeds(session);
    const isLastConnection = await session.queryRow(IS_LAST_CONNECTION, z.boolean());
    if (isLastConnection) {
      await stack.disposeAsync();
      await delay(STILL_COUNTED_MS, undefined, { signal });
      return { ...facts, needs, session: undefined };
    }
    clearTimeout(timer);
    stack.move();
    return { ...facts, needs, session };
  } catch (error) {
    signal.throwIfAborted();
    if (!late.signal.aborted) throw error;
    throw new RetryableError(
      `database ${JSON.stringify(env['PGDATABASE'])} did not answer within ${ANSWER_MS / 1000} seconds`,
      { hint: 'The server accepts connections and then stays silent; look at its log and its load.' },
    );
  }
}
