import { assertUnpooled } from '@pgstow/postgres/client/assert-unpooled.ts';
import type { Clients } from '@pgstow/postgres/client/client-version.ts';
import { clientFactsOf } from '@pgstow/postgres/client/postgres-error.ts';
import { PsqlSession } from '@pgstow/postgres/client/psql-session.ts';
import { quoteLiteral } from '@pgstow/postgres/client/sql-quote.ts';
import { MADE_BY_USERS } from '@pgstow/postgres/facts/made-by-users.ts';
import { z } from 'zod';
import { failure } from '../exit-codes.ts';
import type { RestoreTarget } from './restore-target.ts';

/** Databases of nearly every server, for questions about another one. */
const MAINTENANCE = ['postgres', 'template1'];

/** A session with the target, or with another database of its server where the target does not exist. */
export type TargetSession = AsyncDisposable & { readonly session: PsqlSession; readonly exists: boolean };

function opened(session: PsqlSession, exists: boolean): TargetSession {
  return { session, exists, [Symbol.asyncDispose]: () => session[Symbol.asyncDispose]() };
}

/** @throws PermanentError | RetryableError if the server refuses the connection */
export async function openTarget(target: RestoreTarget, clients: Clients, signal: AbortSignal): Promise<TargetSession> {
  const env = target.env(target.database);
  try {
    return opened(await PsqlSession.start(clients, env, signal, { assert: assertUnpooled }), true);
  } catch (error) {
    signal.throwIfAborted();
    // The server reports a missing database in its own language, so another database is asked.
    const session = await openMaintenance(target, clients, signal).catch(() => undefined);
    if (session === undefined) throw explain(error, target);
    await using stack = new AsyncDisposableStack();
    stack.use(session);
    const exists = await session.queryRow(
      `select to_jsonb(exists (select from pg_database where datname = ${quoteLiteral(target.database)}))`,
      z.boolean(),
    );
    if (exists) throw explain(error, target);
    stack.move();
    return opened(session, exists);
  }
}

/** Replaces a hint at variables for a server that the variables do not name. */
function explain(error: unknown, { isOnConfiguredServer }: RestoreTarget): unknown {
  if (isOnConfiguredServer || clientFactsOf(error)?.namesSettings !== true) return error;
  return failure((error as Error).message, 'Check the URL after --to, and PGPASSWORD.');
}

/** A session with another database than the target. @throws as the last of those that were tried */
export async function openMaintenance(
  target: RestoreTarget,
  clients: Clients,
  signal: AbortSignal,
): Promise<PsqlSession> {
  let fault: unknown;
  for (const database of MAINTENANCE.filter((name) => name !== target.database)) {
    try {
      return await PsqlSession.start(clients, target.env(database), signal);
    } catch (error) {
      signal.throwIfAborted();
      fault = error;
    }
  }
  throw fault;
}

/** Reads how many objects users have made in a database, and describes the first few. */
export async function readContents(
  session: PsqlSession,
): Promise<{ readonly count: number; readonly first: readonly string[] }> {
  return session.queryRow(CONTENTS, z.strictObject({ count: z.int(), first: z.array(z.string()) }));
}

const CONTENTS = `
with made as (
  ${MADE_BY_USERS}
  union all select 'pg_largeobject'::regclass::oid, oid from pg_largeobject_metadata
)
select jsonb_build_object('count', (select count(*) from made), 'first', coalesce(
  (select jsonb_agg(pg_describe_object(classid, objid, 0)) from (select * from made order by classid <> 'pg_class'::regclass, classid, objid limit 3) f), '[]'))`;

const rolesSchema = z.strictObject({
  /** Roles that exist, among those that were asked for, and whether each is a superuser. */
  there: z.record(z.string(), z.boolean()),
  /** The role that restores. */
  self: z.string(),
  mayCreate: z.boolean(),
  isSuperuser: z.boolean(),
});
export type RolesThere = Readonly<z.infer<typeof rolesSchema>>;

export async function readRoles(session: PsqlSession, wanted: readonly string[]): Promise<RolesThere> {
  const names = wanted.map(quoteLiteral).join(', ');
  return session.queryRow(
    `
select jsonb_build_object(
  'there', (select coalesce(jsonb_object_agg(rolname, rolsuper), '{}') from pg_roles where rolname = any (array[${names}]::text[])),
  'self', rolname, 'mayCreate', rolsuper or rolcreaterole, 'isSuperuser', rolsuper)
from pg_roles where rolname = current_user`,
    rolesSchema,
  );
}

/** Reads the tablespaces that the session may create tables in. */
export async function usableTablespaces(session: PsqlSession): Promise<readonly string[]> {
  return await session.query(
    `select to_jsonb(spcname) from pg_tablespace t where has_tablespace_privilege(t.oid, 'CREATE')
       or t.oid = (select dattablespace from pg_database where datname = current_database())`,
    z.string(),
  );
}
