import { randomBytes } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { constants, gunzipSync } from 'node:zlib';
import type { ProvenContent } from '@pgstow/shared/contract/manifest.ts';
import { PermanentError, RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { boundToUs } from '../client/bound-to-us.ts';
import { readVersion, type Clients } from '../client/client-version.ts';
import { openPipe } from '../client/open-pipe.ts';
import { describeEnd, keepTail } from '../client/program-end.ts';
import { judgePsql } from '../client/psql-version-policy.ts';
import { bareEnvironment, startProgram } from '../client/run-program.ts';
import { OutcomeUnknownError, restoreError, RestoreError } from './restore-error.ts';
import { startRestoreThread, type RestoreThread } from './restore-thread.ts';

export type RestoreDumpOptions = {
  /** Whose psql is run. */
  readonly clients: Clients;
  /** libpq's environment for the target, `PGDATABASE` included. */
  readonly env: Readonly<Record<string, string>>;
  /** The `.sql.gz` on this disk. */
  readonly path: string;
  /** What it must be, in hexadecimal; otherwise nothing is committed. */
  readonly sha256?: string;
  /** SQL that is run in the same transaction before the dump's text, in UTF-8. */
  readonly before?: string;
  /** What `readPsqlVersion` says of the clients, where it was asked already. */
  readonly psqlVersion?: string;
  /** Where it was started already. It is ended in any case. */
  readonly thread?: RestoreThread;
  /** What psql's command line begins with, to run it as another user. */
  readonly runAs?: readonly string[];
  readonly signal: AbortSignal;
  /** Called with the bytes of SQL that psql has taken, a few times a second. */
  readonly onProgress?: (sqlBytes: number) => void;
};

export type RestoredDump = {
  readonly content: ProvenContent;
  /** From the start of psql to the end of the commit. */
  readonly restoreMs: number;
};

const INTERRUPT_EVERY_MS = 300;
const TERMINATE_AFTER_MS = 3000;
const KILL_AFTER_MS = 10_000;
const STDERR_CHARACTERS = 32_000;

/**
 * Restores a dump, all or nothing: psql gets our own BEGIN, then the decompressed text as it is read, and COMMIT only once
 * the file has proven to be one whole gzip of a complete dump. Whatever goes wrong before that ends psql, and the server
 * rolls everything back. `psql --single-transaction` would commit a cut dump: it takes the end of its input for the end of
 * the data.
 *
 * The text goes from a thread of its own into a pipe of the kernel's, because every byte through the event loop costs.
 *
 * @throws RestoreError if the dump cannot be restored, PermanentError | RetryableError if the server cannot be reached or
 *   goes away, and in each case nothing was changed; OutcomeUnknownError if the server goes away amid the commit; the
 *   signal's reason once that is aborted, and then nothing was changed either
 */
export async function restoreDump(options: RestoreDumpOptions): Promise<RestoredDump> {
  const { path, before = '', signal } = options;
  await using thread = options.thread ?? startRestoreThread();
  signal.throwIfAborted();
  const version = options.psqlVersion ?? (await readPsqlVersion(options.clients));
  await assertPsqlFitsDump(version, path);
  const key = randomBytes(24).toString('hex');
  const prelude = preludeOf(key, before, judgePsql(version).knowsRestrict);

  const startedAt = performance.now();
  await using pipe = await openPipe('this process and psql');
  const psql = await startPsql(options, pipe.readEnd);
  // As long as we held its end, nobody would notice that psql has ended.
  await pipe.readEnd.close();
  const abort = (): void => void psql.end();
  signal.addEventListener('abort', abort);
  await using cleanup = new AsyncDisposableStack();
  // psql never outlives this call, and has ended before its input does: it would run what it has of a statement.
  cleanup.defer(async () => {
    await psql.end();
    signal.removeEventListener('abort', abort);
  });
  if (signal.aborted) abort();

  const isThere = await writeAll(pipe.writeEnd, prelude);
  const outcome = isThere
    ? await thread.run({ path, fd: pipe.writeEnd.fd }, options.onProgress)
    : ({ kind: 'lost psql', headings: [] } as const);
  signal.throwIfAborted();
  if (outcome.kind === 'refused')
    throw new RestoreError(outcome.message, outcome.hint === undefined ? {} : { hint: outcome.hint });
  if (outcome.kind === 'unreadable') throw new RetryableError(`cannot read the dump: ${outcome.message}`);
  if (outcome.kind === 'proven' && options.sha256 !== undefined && outcome.proven.sha256 !== options.sha256)
    throw new RestoreError(`the file's sha256 is ${outcome.proven.sha256}, and ${options.sha256} was wanted`);

  const isCommitting = outcome.kind === 'proven';
  if (isCommitting) {
    await writeAll(pipe.writeEnd, endingOf(key));
    await pipe.writeEnd.close();
  }
  const { exitCode, ending } = await psql.ended;
  if (isCommitting && exitCode === 0)
    return { content: outcome.proven, restoreMs: Math.round(performance.now() - startedAt) };
  const error = restoreError(psql.said(), ending, countLines(prelude) + 1, outcome.headings);
  // A statement that failed took all back, even if it was the COMMIT.
  if (isCommitting && !(error instanceof RestoreError)) throw new OutcomeUnknownError(error);
  signal.throwIfAborted();
  throw error;
}

/**
 * No limit that a role or a database has for the sessions of others may end this one. And where the server can, it is to
 * look every two seconds whether we are still there: it would finish what may be an hour's index for nobody, and hold its
 * locks. A server that refuses one of them says so, and the restore goes on.
 */
const SESSION = String.raw`\set ON_ERROR_STOP off
SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout');
SELECT pg_catalog.set_config(name, '2s', false) FROM pg_catalog.pg_settings WHERE name = 'client_connection_check_interval';
\set ON_ERROR_STOP on`;

/** Our own lock comes first, so that no line of the dump is a command to psql; then the transaction, and a mark in it. */
function preludeOf(key: string, before: string, knowsRestrict: boolean): string {
  return [
    SESSION,
    ...(knowsRestrict ? [String.raw`\restrict ${key}`] : []),
    'BEGIN;',
    `SELECT pg_catalog.set_config('pgstow.restore', '${key}', true);`,
    ...(before === '' ? [] : [before]),
    '',
  ].join('\n');
}

/** The mark is gone if the dump has ended the transaction; then the cast fails, and says why. */
function endingOf(key: string): string {
  return `SELECT (CASE pg_catalog.current_setting('pgstow.restore', true) WHEN '${key}' THEN '1' ELSE 'the dump has ended the transaction of the restore' END)::pg_catalog.int4;\nCOMMIT;\n`;
}

type RunningPsql = {
  readonly ended: Promise<{ readonly exitCode: number | undefined; readonly ending: string }>;
  /** The end of what it said. */
  said(): string;
  /** Has it end: SIGINT cancels the statement that runs on the server. */
  end(): Promise<void>;
};

async function startPsql({ clients, env, runAs = [] }: RestoreDumpOptions, stdin: FileHandle): Promise<RunningPsql> {
  // With a file named, be it standard input, psql says in which line an error is.
  const argv = ['--no-psqlrc', '--quiet', '--set', 'ON_ERROR_STOP=1', '--set', 'VERBOSITY=verbose', '--no-password'];
  // Whoever becomes another user loses the tie to us, so it is made after that.
  const tied = await boundToUs([join(clients.folder, 'psql'), ...argv, '--file=-'], 'TERM');
  const child = startProgram([...runAs, ...tied], {
    // execa takes any descriptor; its types know the standard ones.
    stdin: stdin.fd as 0,
    stdout: 'ignore',
    buffer: false,
    // Ctrl-C in a terminal is for us; psql would end by itself, and seem to have failed.
    detached: true,
    env: { ...bareEnvironment(), LC_ALL: 'C.UTF-8', ...env, PGCLIENTENCODING: 'UTF8' },
  });
  const said = keepTail(child.stderr, STDERR_CHARACTERS);
  const ended = child.then((result) => ({ exitCode: result.exitCode, ending: describeEnd(result) }));
  let ending: Promise<void> | undefined;
  const end = async (): Promise<void> => {
    const isOver = ended.then(() => true);
    const isOverWithin = (ms: number): Promise<boolean> => Promise.race([isOver, delay(ms, false, { ref: false })]);
    // One that comes between two statements is lost.
    for (let ms = 0; ms < TERMINATE_AFTER_MS; ms += INTERRUPT_EVERY_MS) {
      child.kill('SIGINT');
      if (await isOverWithin(INTERRUPT_EVERY_MS)) return;
    }
    child.kill('SIGTERM');
    if (await isOverWithin(KILL_AFTER_MS - TERMINATE_AFTER_MS)) return;
    child.kill('SIGKILL');
    await isOver;
  };
  return { ended, said, end: () => (ending ??= end()) };
}

/** Whether all of it was taken; otherwise nobody is there any more to take it. */
async function writeAll(file: FileHandle, text: string): Promise<boolean> {
  const bytes = Buffer.from(text);
  try {
    for (let at = 0; at < bytes.length;) at += (await file.write(bytes, at)).bytesWritten;
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return false;
    throw error;
  }
}

/**
 * Whether psql can restore a dump, before anything is done.
 *
 * @param version of psql; see `readPsqlVersion`
 * @throws PermanentError if it cannot
 */
export async function assertPsqlFitsDump(version: string, path: string): Promise<void> {
  if (judgePsql(version).knowsRestrict || !(await beginsWithRestrict(path))) return;
  throw new PermanentError(String.raw`psql ${version} is too old for this dump: it does not know \restrict`, {
    hint: 'Install psql 17.6, 16.10, 15.14, 14.19, 13.22 or newer; 18.6, 17.11, 16.15, 15.19 and 14.24 have all known faults mended.',
  });
}

/** The programs of one folder are of one version, unless somebody has put them there. */
export async function readPsqlVersion({ folder }: Clients): Promise<string> {
  const version = await readVersion(join(folder, 'psql'));
  if (version === undefined) {
    throw new PermanentError(`${join(folder, 'psql')} does not say which version it is`, {
      hint: "Install PostgreSQL's client programs, for instance the package postgresql-client.",
    });
  }
  return version;
}

/** Where the file is damaged this says no, and the proof says what is wrong. */
async function beginsWithRestrict(path: string): Promise<boolean> {
  await using file = await open(path, 'r');
  const { bytesRead, buffer } = await file.read(Buffer.alloc(4096), 0, 4096, 0);
  try {
    const text = gunzipSync(buffer.subarray(0, bytesRead), { finishFlush: constants.Z_SYNC_FLUSH }).toString('latin1');
    return /^\\restrict /m.test(text.split('\nSET ', 1)[0] ?? '');
  } catch {
    return false;
  }
}

function countLines(text: string): number {
  return text.split('\n').length - 1;
}
