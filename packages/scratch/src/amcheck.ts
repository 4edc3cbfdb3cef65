import { join } from 'node:path';
import { isExecutable } from '@pgstow/postgres/client/installed-program.ts';
import { runProgram } from '@pgstow/postgres/client/run-program.ts';
import { makeFinding } from '@pgstow/postgres/facts/make-finding.ts';
import type { Finding } from '@pgstow/shared/contract/finding.ts';
import type { ScratchServer } from './scratch-server.ts';

/** Result of pg_amcheck: damage, or the reason why it could not look. */
export type AmcheckFinding = { readonly damage: readonly Finding[] } | { readonly whyNot: string };

/** Its exit code for damage. Source: https://www.postgresql.org/docs/current/app-pgamcheck.html */
const FOUND_DAMAGE = 2;
/** Characters of damage that are read. */
const MOST_DAMAGE = 10_000_000;

/** Runs pg_amcheck over every table and B-tree index of a restored database, where it and its extension are installed. */
export async function amcheck(
  { clients, env, query, runAs }: ScratchServer,
  database: string,
  signal: AbortSignal,
): Promise<AmcheckFinding> {
  const program = join(clients.folder, 'pg_amcheck');
  if (!(await isExecutable(program))) return { whyNot: 'pg_amcheck is not installed' };
  const available = await query(database, "select count(*) from pg_available_extensions where name = 'amcheck'");
  if (available !== '1') return { whyNot: 'the extension amcheck is not installed' };
  const { stdout, stderr, exitCode, failed, isMaxBuffer } = await runProgram(
    [...runAs, program, '--no-password', '--install-missing'],
    // The database is named here, and not among the arguments.
    { env: env(database), maxBuffer: MOST_DAMAGE },
    signal,
  );
  if (!failed) return { damage: [] };
  // Only damage fills that much output. Whatever else keeps it from reading a table looks like damage, too.
  const found = exitCode === FOUND_DAMAGE || isMaxBuffer ? findingsIn(stdout) : [];
  const damage = found.filter((finding) => !OUT_OF_ROOM.test(finding));
  if (damage.length > 0)
    return {
      damage: damage.map((finding) => makeFinding(`pg_amcheck: ${finding}`, 'pg_amcheck', withoutDetail(finding))),
    };
  const said = found[0] ?? stderr.trim().split('\n').at(-1);
  return { whyNot: `pg_amcheck failed: ${said || `exit code ${exitCode}`}` };
}

const OUT_OF_ROOM = /ERROR: +out of (?:shared )?memory|No space left on device/;

/** Leaves out where in its index a row was found, which is elsewhere after each restore. */
function withoutDetail(finding: string): string {
  return finding.replace(/ (?:DETAIL|HINT): .*$/, '');
}

/** Joins each line that names a table or index with the indented lines below it, which say what is wrong. */
function findingsIn(text: string): readonly string[] {
  const findings: string[] = [];
  for (const line of text.split('\n')) {
    const words = line.trim();
    if (words === '') continue;
    if (/^\s/.test(line) && findings.length > 0) findings.push(`${findings.pop()} ${words}`);
    else findings.push(words);
  }
  return findings;
}
