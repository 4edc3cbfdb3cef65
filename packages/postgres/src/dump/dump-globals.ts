import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { GlobalsFacts } from '@pgstow/shared/contract/globals-facts.ts';
import { PermanentError, RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { z } from 'zod';
import { boundToUs } from '../client/bound-to-us.ts';
import type { Clients } from '../client/client-version.ts';
import { isExecutable } from '../client/installed-program.ts';
import { postgresError } from '../client/postgres-error.ts';
import { describeEnd } from '../client/program-end.ts';
import type { PsqlSession } from '../client/psql-session.ts';
import { runProgram } from '../client/run-program.ts';
import { describeGlobals } from '../facts/describe-globals.ts';
import { globalsStatements } from '../facts/globals-statements.ts';
import { readServerGlobals, type ServerGlobals } from '../facts/server-globals.ts';

export type DumpGlobalsOptions = {
  readonly clients: Clients;
  /** See `libpqEnvironment`; of a database that lets us in. */
  readonly env: Readonly<Record<string, string>>;
  /** With that database. */
  readonly session: PsqlSession;
  /** The server's major version. */
  readonly major: number;
  /** Whether passwords are wanted, if the role may read them. */
  readonly wantsPasswords: boolean;
  /** Writes the text; called once. */
  readonly write: (text: string) => Promise<void>;
  /** Limit for each program. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
};

/** Far more than a server with tens of thousands of roles takes, far less than memory. */
const LONGEST = 128 * 1024 ** 2;
/** pg_dumpall takes no snapshot: what changed meanwhile is dumped once more. */
const ATTEMPTS = 3;

/**
 * Dumps what all databases of a server share: what pg_dumpall writes, and what that leaves
 * out.
 *
 * @returns the facts of what was dumped
 * @throws PermanentError | RetryableError with what the programs said and a hint
 */
export async function dumpGlobals(options: DumpGlobalsOptions): Promise<GlobalsFacts> {
  const { session, major, write } = options;
  const hasPasswords = options.wantsPasswords && (await mayReadPasswords(session));
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const before = await readServerGlobals(session, major);
    const text = await runPgDumpall(options, hasPasswords);
    const after = await readServerGlobals(session, major);
    if (!isDeepStrictEqual(before, after)) continue;
    await write(complete(text, before));
    return { hasPasswords, facts: describeGlobals(before) };
  }
  throw new RetryableError('roles or settings of the server changed each time while they were dumped');
}

async function mayReadPasswords(session: PsqlSession): Promise<boolean> {
  return await session.queryRow(`select to_jsonb(has_table_privilege('pg_catalog.pg_authid', 'select'))`, z.boolean());
}

async function runPgDumpall(options: DumpGlobalsOptions, hasPasswords: boolean): Promise<string> {
  const { clients, env, timeoutMs, signal } = options;
  const program = join(clients.folder, 'pg_dumpall');
  if (!(await isExecutable(program)))
    throw new PermanentError(`found no pg_dumpall beside pg_dump in ${clients.folder}`, {
      hint: "Install PostgreSQL's client programs whole, or set BACKUP_GLOBALS=off.",
    });
  const command = await boundToUs(
    [
      program,
      '--globals-only',
      '--no-password',
      ...(hasPasswords ? [] : ['--no-role-passwords']),
      `--database=dbname=${quoteForLibpq(env['PGDATABASE'] ?? '')}`,
    ],
    'TERM',
  );
  const limits = { timeout: timeoutMs, maxBuffer: LONGEST, stripFinalNewline: false } as const;
  const ended = await runProgram(command, { env: { ...env, PGCLIENTENCODING: 'UTF8' }, ...limits }, signal);
  if (ended.timedOut) throw new RetryableError(`pg_dumpall did not end within ${timeoutMs / 1000} s`);
  if (ended.failed) throw postgresError(`pg_dumpall ${describeEnd(ended)}`, ended.stderr);
  return ended.stdout;
}

/** pg_dumpall takes a connection string for the name of a database: a name with an `=` must stand in quotes. */
function quoteForLibpq(database: string): string {
  return `'${database.replaceAll(/['\\]/g, String.raw`\$&`)}'`;
}

/** The beginning of the end of what pg_dumpall writes. */
const ENDING =
  /\n(?:\\unrestrict \w+\n\n)?--\n-- PostgreSQL database cluster dump complete\n--\n\s*(?:\\unrestrict \w+\s*)?$/;

/** Puts what pg_dumpall leaves out before its last words. @throws RetryableError if these are missing */
function complete(text: string, globals: ServerGlobals): string {
  const ending = ENDING.exec(text);
  if (ending === null) throw new RetryableError('pg_dumpall did not end with its completion line');
  const statements = globalsStatements(globals).join('\n');
  return `${text.slice(0, ending.index)}\n--\n-- Databases, with their rights and settings\n--\n\n${statements}\n\n${text.slice(ending.index)}`;
}
