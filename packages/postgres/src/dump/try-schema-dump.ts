import { join } from 'node:path';
import { pairExtraOptions } from '@pgstow/shared/config/values/extra-options.ts';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { boundToUs } from '../client/bound-to-us.ts';
import type { Clients } from '../client/client-version.ts';
import { inEnglish } from '../client/in-english.ts';
import { postgresError } from '../client/postgres-error.ts';
import { retryWhileCrowded } from '../client/retry-while-crowded.ts';
import { runProgram } from '../client/run-program.ts';

/** A table was locked, or the server was slow: the next attempt may succeed. */
export class DelayedDumpError extends RetryableError {
  override readonly name = 'DelayedDumpError';
}

/** Options that pg_dump refuses beside `--schema-only`. */
const WITHOUT_SCHEMA = new Set(['-a', '--data-only', '--no-schema', '--section', '--statistics-only']);

const LOCK_WAIT_MS = 5000;
const LIMIT_MS = 60_000;

/**
 * Runs pg_dump for the schema alone, with the options of a dump, and discards its output: it reads all catalogs and locks
 * every table that it would dump.
 *
 * @returns whether it could be tried with these options
 * @throws DelayedDumpError; PermanentError | RetryableError with what pg_dump said and a hint
 */
export async function trySchemaDump(options: SchemaDumpOptions): Promise<boolean> {
  return await retryWhileCrowded(() => tryOnce(options), options.signal);
}

type SchemaDumpOptions = {
  readonly clients: Clients;
  readonly database: string;
  /** See `libpqEnvironment`. */
  readonly env: Readonly<Record<string, string>>;
  readonly extraOptions: readonly string[];
  readonly signal: AbortSignal;
};

async function tryOnce(options: SchemaDumpOptions): Promise<boolean> {
  const { clients, database, env, extraOptions, signal } = options;
  if (pairExtraOptions(extraOptions).some(([option]) => WITHOUT_SCHEMA.has(option))) return false;
  const command = await boundToUs(
    [
      join(clients.folder, 'pg_dump'),
      '--format=plain',
      '--schema-only',
      '--no-password',
      `--lock-wait-timeout=${LOCK_WAIT_MS}`,
      ...extraOptions,
    ],
    'TERM',
  );
  const limits = { timeout: LIMIT_MS, stdout: 'ignore' } as const;
  const { failed, timedOut, stderr } = await runProgram(command, { env, ...limits }, signal);
  if (timedOut) throw new DelayedDumpError(`pg_dump did not write the schema within ${LIMIT_MS / 1000} s`);
  if (/lock timeout|canceling statement due to statement timeout/.test(inEnglish(stderr))) {
    throw new DelayedDumpError(`pg_dump waited ${LOCK_WAIT_MS / 1000} s for a locked table`, {
      hint: 'Is a migration under way? A dump waits for five minutes, and is tried again.',
    });
  }
  if (failed) throw postgresError(`pg_dump cannot write the schema of ${JSON.stringify(database)}`, stderr);
  return true;
}
