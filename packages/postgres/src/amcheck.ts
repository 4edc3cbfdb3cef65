import { join } from 'node:path';
import { execa } from 'execa';
import { isExecutable } from './compressor.ts';
import type { ScratchServer } from './scratch-server.ts';

/** What pg_amcheck found: damage, or why it could not look. */
export type AmcheckFinding = { readonly damage: readonly string[] } | { readonly whyNot: string };

/** Its exit code for damage. Source: https://www.postgresql.org/docs/current/app-pgamcheck.html */
const FOUND_DAMAGE = 2;

/** Has pg_amcheck read every table and B-tree index of a restored database, where it and its extension are installed. */
export async function amcheck(
  { clients, env, query, runAs }: ScratchServer,
  database: string,
  signal: AbortSignal,
): Promise<AmcheckFinding> {
  const program = join(clients.folder, 'pg_amcheck');
  if (!(await isExecutable(program))) return { whyNot: 'pg_amcheck is not installed' };
  const available = await query(database, "select count(*) from pg_available_extensions where name = 'amcheck'");
  if (available !== '1') return { whyNot: 'the extension amcheck is not installed' };
  const [command, ...argv] = [...runAs, program, '--no-password', '--install-missing'];
  const { stdout, stderr, exitCode, failed, isMaxBuffer } = await execa(command, argv, {
    // The database is named here, and not among the arguments.
    env: env(database),
    extendEnv: false,
    stdin: 'ignore',
    reject: false,
    cancelSignal: signal,
    maxBuffer: 10_000_000,
  });
  signal.throwIfAborted();
  if (!failed) return { damage: [] };
  const said = `${stdout}\n${stderr}`.split('\n').filter((line) => line.trim() !== '');
  // It writes that much of damage alone.
  return exitCode === FOUND_DAMAGE || isMaxBuffer
    ? { damage: said.map((line) => `pg_amcheck: ${line.trim()}`) }
    : { whyNot: `pg_amcheck failed: ${said.at(-1)?.trim() ?? `exit code ${exitCode}`}` };
}
