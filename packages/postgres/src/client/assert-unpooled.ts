import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { z } from 'zod';
import { ROWS_ALONE } from './psql-options.ts';
import { StatementError, type PsqlSession } from './psql-session.ts';

const LOOK = 'select to_jsonb(pg_backend_pid())';
const lookFromAnother = (times: number): string =>
  String.raw`\! echo "${`${LOOK}; `.repeat(times)}" | "$PGSTOW_PSQL" ${ROWS_ALONE.join(' ')}`;

/**
 * Refuses a connection pooler that gives each transaction another server process. pg_dump and psql set `search_path` for their
 * session: behind such a pooler they set it for the application's queries, which then find none of their tables.
 *
 * A pooler shows by its server processes: one connection meets several, or two connections that are open at once meet the same.
 * A server process that is older than its connection belongs to a pooler, though perhaps to one in session mode. Then it looks so
 * often that other clients come in between, which changes who gets which process.
 *
 * @param session one that has set nothing yet, because others may share its connection
 * @throws PermanentError with a hint; RetryableError if the session ends
 */
export async function assertUnpooled(session: PsqlSession): Promise<void> {
  try {
    const isPooled = (await isShared(session, 3)) || ((await isOld(session)) && (await isShared(session, 100)));
    if (!isPooled) return;
  } catch (error) {
    // A server that refuses to say which process it is shares none.
    if (error instanceof StatementError) return;
    throw error;
  }
  throw new PermanentError(
    `database ${JSON.stringify(session.database)} is reached through a connection pooler in transaction mode`,
    {
      hint: "Its applications would share pgstow's connections and fail. Give the server's own address, or one in session mode: port 5432 at Supabase, the host name without -pooler at Neon, pool_mode = session in pgbouncer.",
    },
  );
}

/** Looks at the server processes of this connection and, while it is open, of another, which psql opens by another psql. */
async function isShared(session: PsqlSession, times: number): Promise<boolean> {
  const ours = new Set<number>();
  const look = async (): Promise<void> => {
    for (let time = 0; time < times; time += 1) ours.add(await session.queryRow(LOOK, z.int(), 'off'));
  };
  await look();
  // The server may refuse a second connection: then there are no rows.
  const theirs = new Set(await session.query(lookFromAnother(times), z.int(), 'off'));
  await look();
  return ours.size > 1 || theirs.size > 1 || !ours.isDisjointFrom(theirs);
}

async function isOld(session: PsqlSession): Promise<boolean> {
  const age = `select to_jsonb(now() - backend_start > interval '2 s') from pg_stat_activity where pid = pg_backend_pid()`;
  return (await session.query(age, z.boolean(), 'off'))[0] === true;
}
