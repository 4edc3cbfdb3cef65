import { join } from 'node:path';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import type { Clients } from './client-version.ts';
import { ROWS_ALONE } from './psql-options.ts';
import { runProgram } from './run-program.ts';

const looks = (connection: string, times: number): string =>
  `select '${connection} ' || pg_backend_pid(); `.repeat(times);
const lookFromAnother = (connection: string, times: number): string =>
  String.raw`\! echo "${looks(connection, times)}" | "$PGSTOW_PSQL" ${ROWS_ALONE.join(' ')}`;

/**
 * Asks for the server processes of connections, several times each, while two are open: psql runs another psql. It sets
 * nothing, because others may share the connections.
 *
 * A process that is older than the connection belongs to a pooler, though perhaps to one in session mode. Then it looks so often
 * that other clients come in between, which changes who gets which process.
 */
const SCRIPT = String.raw`${looks('first', 3)}
${lookFromAnother('second', 3)}
${looks('first', 3)}
select now() - backend_start > interval '2 s' as is_old from pg_stat_activity where pid = pg_backend_pid() \gset
\if :is_old
${looks('first', 100)}
${lookFromAnother('third', 100)}
${looks('first', 100)}
\endif
`;

/**
 * Refuses a connection pooler that gives each transaction another server process. pg_dump and psql set `search_path` for their
 * session: behind such a pooler they set it for the application's queries, which then find none of their tables.
 *
 * A pooler shows by its server processes: one connection meets several, or two connections that are open at once meet the same.
 * A server that cannot be asked is none.
 *
 * @param env see `libpqEnvironment`
 * @throws PermanentError with a hint, or the signal's reason once that is aborted
 */
export async function assertUnpooled(
  clients: Clients,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  const psql = join(clients.folder, 'psql');
  const options = { env: { ...env, PGSTOW_PSQL: psql }, input: SCRIPT };
  const { stdout } = await runProgram([psql, ...ROWS_ALONE], options, signal);
  if (!isPooled(stdout)) return;
  throw new PermanentError(
    `database ${JSON.stringify(env['PGDATABASE'])} is reached through a connection pooler in transaction mode`,
    {
      hint: "Its applications would share pgstow's connections and fail. Give the server's own address, or one in session mode: port 5432 at Supabase, the host name without -pooler at Neon, pool_mode = session in pgbouncer.",
    },
  );
}

function isPooled(output: string): boolean {
  const [first, second, third] = ['first', 'second', 'third'].map(
    (connection) =>
      new Set(Array.from(output.matchAll(new RegExp(String.raw`^${connection} (\d+)$`, 'gm')), ([, pid]) => pid)),
  ) as [Set<string>, Set<string>, Set<string>];
  const isShared = [...first].some((pid) => second.has(pid) || third.has(pid));
  return isShared || first.size > 1 || second.size > 1 || third.size > 1;
}
