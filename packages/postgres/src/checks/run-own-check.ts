import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { DumpNeeds } from '@pgstow/shared/contract/dump-needs.ts';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import type { Clients } from '../client/client-version.ts';
import { ROWS_ALONE } from '../client/psql-options.ts';
import { runProgram } from '../client/run-program.ts';
import { quoteLiteral } from '../client/sql-quote.ts';
import { sessionSettings } from '../restore/session-settings.ts';
import type { OwnCheck } from './parse-own-checks.ts';

/** `failed` says something of the database, `cannot-run` of the query alone. */
export type CheckOutcome =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed'; readonly what: string }
  | { readonly kind: 'cannot-run'; readonly why: string };

export type CheckedDatabase = {
  readonly clients: Clients;
  /** libpq's environment, `PGDATABASE` included. */
  readonly env: Readonly<Record<string, string>>;
  /** Words that psql's command line begins with, to run it as another user. */
  readonly runAs: readonly string[];
  /** Needs of the dump: the source's settings, `search_path` among them, hold for a check too. */
  readonly needs: DumpNeeds | undefined;
  readonly signal: AbortSignal;
};

/** States of what is not there: schema, table, column, function, type. Source: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const MISSING = new Set(['3F000', '42P01', '42703', '42883', '42704']);
const CANCELED = '57014';
const SEPARATOR = '-row';
const NULL = '-null';
/** Far more than a value that anybody compares. */
const LONGEST_OUTPUT = 1024 * 1024;

/**
 * Runs a query on its own connection, in a transaction that may only read, and reads no more than two of its rows.
 *
 * @throws RetryableError if the server is lost; the signal's reason once that is aborted
 */
export async function runOwnCheck(check: OwnCheck, database: CheckedDatabase): Promise<CheckOutcome> {
  const { clients, env, runAs, needs, signal } = database;
  const mark = `pgstow-${randomBytes(8).toString('hex')}`;
  const searchPath = needs?.settings.find(({ name, role }) => name === 'search_path' && role === undefined)?.value;
  // The first query of a transaction seals that it may only read. What the server refuses of the settings changes nothing.
  const prelude = [
    String.raw`\o /dev/null`,
    ...sessionSettings(needs),
    ...(searchPath === undefined
      ? []
      : [`SELECT pg_catalog.set_config('search_path', ${quoteLiteral(searchPath)}, false);`]),
    `SET statement_timeout = ${check.timeoutMs};`,
    'BEGIN READ ONLY;',
    'SELECT 1;',
    String.raw`\o`,
    String.raw`\set ON_ERROR_STOP on`,
    '',
  ].join('\n');
  const { stdout, stderr, exitCode, isMaxBuffer } = await runProgram(
    [
      ...runAs,
      join(clients.folder, 'psql'),
      ...ROWS_ALONE,
      '--set',
      'VERBOSITY=verbose',
      '--field-separator-zero',
      `--record-separator=${mark}${SEPARATOR}`,
      `--pset=null=${mark}${NULL}`,
      '--file=-',
      // Words of a command line hold neither variables nor commands of psql.
      `--command=DECLARE pgstow_check NO SCROLL CURSOR FOR ${check.sql}`,
      '--command=FETCH 2 FROM pgstow_check',
    ],
    { env: { ...env, PGCLIENTENCODING: 'UTF8' }, input: prelude, stripFinalNewline: false, maxBuffer: LONGEST_OUTPUT },
    signal,
  );
  if (isMaxBuffer) return { kind: 'cannot-run', why: 'it returns too much text' };
  if (exitCode !== 0) return judgeError(check, stderr);
  return judgeRows(check, readRows(stdout, mark));
}

type Row = readonly (string | null)[];

/** psql ends the last row by a line end, whatever parts the others. */
function readRows(stdout: string, mark: string): readonly Row[] {
  if (stdout === '') return [];
  const rows = stdout.replace(/\n$/, '').split(mark + SEPARATOR);
  return rows.map((row) => row.split('\0').map((value) => (value === mark + NULL ? null : value)));
}

function judgeRows({ returns }: OwnCheck, rows: readonly Row[]): CheckOutcome {
  if (returns === 'no rows')
    return rows.length === 0 ? { kind: 'passed' } : { kind: 'failed', what: 'it returns rows, and none is wanted' };
  const [row, ...more] = rows;
  if (row === undefined) return { kind: 'failed', what: `it returns no row, and ${returns} is wanted` };
  if (more.length > 0) return { kind: 'cannot-run', why: 'it returns several rows, where one is to be compared' };
  const [value = null, ...others] = row;
  if (others.length > 0) return { kind: 'cannot-run', why: 'it returns several columns, where one is to be compared' };
  if (plain(value) === plain(returns)) return { kind: 'passed' };
  return { kind: 'failed', what: `it returns ${shown(value)}, and ${returns} is wanted` };
}

/** Text by which values are compared: `t` is true, and 1.50 is 1.5. */
function plain(value: string | null): string {
  if (value === null) return 'NULL';
  if (value === 't') return 'true';
  if (value === 'f') return 'false';
  return /^-?\d+\.\d+$/.test(value) ? value.replace(/\.?0+$/, '') : value;
}

/** A value, unless it may be data of a person: this goes on the board and into alarms. */
function shown(value: string | null): string {
  return /^(?:NULL|true|false|-?\d+(?:\.\d+)?)$/.test(plain(value)) ? plain(value) : 'another text';
}

function judgeError({ timeoutMs }: OwnCheck, stderr: string): CheckOutcome {
  const [, sqlState, message = ''] = /^(?:psql:[^\n]*?: )?\S+:  ([0-9A-Z]{5}): (.*)$/m.exec(stderr) ?? [];
  if (sqlState === undefined || /^(?:57P|08)/.test(sqlState))
    throw new RetryableError(`the scratch server was lost during a check: ${stderr.trim()}`);
  if (sqlState === CANCELED) return { kind: 'cannot-run', why: `it took more than ${timeoutMs / 1000} s` };
  const what = `${message} (${sqlState})`;
  return MISSING.has(sqlState) ? { kind: 'failed', what } : { kind: 'cannot-run', why: what };
}
