import { join } from 'node:path';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { execa } from 'execa';
import type { Clients } from './client-version.ts';

const OPTIONS = ['--no-psqlrc', '--no-password', '--quiet', '--tuples-only', '--no-align'];

const looks = (connection: string, times: number): string =>
  `select '${connection} ' || pg_backend_pid(); `.repeat(times);
const lookFromSecond = (times: number): string =>
  String.raw`\! echo "${looks('second', times)}" | "$PGSTOW_PSQL" ${OPTIONS.join(' ')}`;

/**
 * Asks for the server processes of two connections, several times each, while both are open: psql runs another psql. It sets
 * nothing, because others may share the connections.
 *
 * A process that is older than the connection belongs to a pooler, though perhaps to one in session mode. Then it looks so often
 * that other clients come in between, which changes who gets which process.
 */
const SCRIPT = String.raw`${looks('first', 3)}
${lookFromSecond(3)}
${looks('first', 3)}
select clock_timestamp() - backend_start > interval '2 s' as is_old from pg_stat_activity where pid = pg_backend_pid() \gset
\if :is_old
${looks('first', 100)}
${lookFromSecond(100)}
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
 * @throws PermanentError with a hint
 */
export async function assertUnpooled(
  clients: Clients,
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  const psql = join(clients.folder, 'psql');
  const { stdout } = await execa(psql, OPTIONS, {
    env: { ...env, PGSTOW_PSQL: psql },
    extendEnv: false,
    reject: false,
    cancelSignal: signal,
    input: SCRIPT,
    stderr: 'ignore',
  });
  if (!isPooled(processesOf('first', stdout), processesOf('second', stdout))) return;
  throw new PermanentError(
    `database ${JSON.stringify(env['PGDATABASE'])} is reached through a connection pooler in transaction mode`,
    {
      hint: "Its applications would share pgstow's connections and fail. Give the server's own address, or one in session mode: port 5432 at Supabase, the host name without -pooler at Neon, pool_mode = session in pgbouncer.",
    },
  );
}

function processesOf(connection: string, output: string): ReadonlySet<string> {
  return new Set(
    Array.from(output.matchAll(/^(\w+) (\d+)$/gm)).flatMap(([, name, pid = '']) => (name === connection ? [pid] : [])),
  );
}

function isPooled(first: ReadonlySet<string>, second: ReadonlySet<string>): boolean {
  return first.size > 1 || second.size > 1 || [...first].some((pid) => second.has(pid));
}
