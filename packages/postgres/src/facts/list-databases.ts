import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { z } from 'zod';
import { StatementError, type PsqlSession } from '../client/psql-session.ts';
import { readServerFacts } from './server-facts.ts';

/** A database that can be dumped. */
export type ListedDatabase = { readonly database: string; readonly oid: number };

export type ListedDatabases = {
  /** In the order of their names. */
  readonly databases: readonly ListedDatabase[];
  /** See `SourceIdentity`; `undefined` where the role may not read it. */
  readonly systemIdentifier: string | undefined;
};

/**
 * Templates are left out, and so is a database that lets nobody in. A limit of -2 connections marks what an interrupted DROP DATABASE
 * has left.
 * Source: https://www.postgresql.org/docs/current/catalog-pg-database.html
 */
const LIST = `select jsonb_build_object('database', datname, 'oid', oid::bigint)
from pg_catalog.pg_database where datallowconn and not datistemplate and datconnlimit <> -2 order by datname`;

const rowSchema = z.object({ database: z.string(), oid: z.int() });
const INSUFFICIENT_PRIVILEGE = '42501';

/** @throws PermanentError if the role may not list them; otherwise as the session does */
export async function listDatabases(session: PsqlSession): Promise<ListedDatabases> {
  try {
    const databases = await session.query(LIST, rowSchema);
    const { identity } = await readServerFacts(session);
    return { databases, systemIdentifier: identity.systemIdentifier };
  } catch (error) {
    if (!(error instanceof StatementError) || error.sqlState !== INSUFFICIENT_PRIVILEGE) throw error;
    throw new PermanentError(`the role may not list the databases of the server: ${error.message}`, {
      hint: 'Let it, as a superuser in each database that it connects to: GRANT SELECT ON pg_catalog.pg_database TO the role. Or name the databases in POSTGRES_DB.',
      cause: error,
    });
  }
}
