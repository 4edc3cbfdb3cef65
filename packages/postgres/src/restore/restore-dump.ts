import { randomBytes } from 'node:crypto';
import type { DumpNeeds } from '@pgstow/shared/contract/dump-needs.ts';
import type { ProvenContent } from '@pgstow/shared/contract/manifest.ts';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { LockedError } from '../age/decrypt-age.ts';
import type { Clients } from '../client/client-version.ts';
import { judgePsql } from '../client/psql-version-policy.ts';
import { readPsqlVersion } from '../client/read-psql-version.ts';
import { retryWhileCrowded } from '../client/retry-while-crowded.ts';
import type { DumpFile } from '../proof/dump-file.ts';
import { aroundTimescaledb } from './around-timescaledb.ts';
import { assertPsqlFitsDump } from './assert-psql-fits-dump.ts';
import { offerSearchPath } from './change-text.ts';
import { OutcomeUnknownError, restoreError, RestoreError } from './restore-error.ts';
import { runRestoreThread } from './restore-thread.ts';
import { assertMoney, SESSION, sessionSettings } from './session-settings.ts';
import { feedPsql, writeAll } from './start-psql.ts';

export type RestoreDumpOptions = DumpFile & {
  /** Clients whose psql runs. */
  readonly clients: Clients;
  /** libpq's environment for the target, `PGDATABASE` included. */
  readonly env: Readonly<Record<string, string>>;
  /** SHA-256 that the file must have, in hexadecimal; otherwise nothing is committed. */
  readonly sha256?: string;
  /** Needs of the dump, as far as a session can have them. */
  readonly needs?: DumpNeeds | undefined;
  /**
   * Tablespaces of the target that may be used. What the dump puts into others goes into the default one; without this list,
   * nothing does.
   */
  readonly tablespaces?: readonly string[];
  /** Schemas that functions of the dump take for granted, as a value of `search_path`. Without it, the path is empty, as the dump says. */
  readonly searchPath?: string | undefined;
  /** SQL that runs in the same transaction before the dump, in UTF-8. */
  readonly before?: string;
  /** Words that psql's command line begins with, to run it as another user. */
  readonly runAs?: readonly string[];
  readonly signal: AbortSignal;
  /** Called with the bytes of SQL that psql has taken, a few times a second. */
  readonly onProgress?: (sqlBytes: number) => void;
};

export type RestoredDump = {
  readonly content: ProvenContent;
  /** Time from the start of psql to the end of the commit. */
  readonly restoreMs: number;
  /** Tablespaces of the dump whose contents went into the default one. */
  readonly blankedTablespaces: readonly string[];
  /** Arguments of the dump's calls of `setval`, by the SQL names of the sequences. Names with line ends or backslashes are left out. */
  readonly sequences: ReadonlyMap<string, { readonly value: string; readonly isCalled: boolean }>;
};

/**
 * Restores a dump, all or nothing: psql gets our own BEGIN, then the decompressed text as it is read, and COMMIT only once
 * the file has proven to be one whole gzip of a complete dump. Whatever goes wrong before that ends psql, and the server
 * rolls everything back. `psql --single-transaction` would commit a cut dump: it takes the end of its input for the end of
 * the data.
 *
 * A thread writes the text into a pipe of the kernel, because bytes through the event loop cost more.
 *
 * @throws RestoreError if the dump cannot be restored, PermanentError | RetryableError if the server cannot be reached or
 *   goes away, and in each case nothing was changed; OutcomeUnknownError if the server goes away amid the commit; the
 *   signal's reason once that is aborted, and then nothing was changed either
 */
export async function restoreDump(options: RestoreDumpOptions): Promise<RestoredDump> {
  return await retryWhileCrowded(() => restoreOnce(options), options.signal);
}

async function restoreOnce(options: RestoreDumpOptions): Promise<RestoredDump> {
  const { path, identityFile, needs, before = '', tablespaces, searchPath, signal } = options;
  signal.throwIfAborted();
  const file = { path, identityFile };
  const version = await readPsqlVersion(options.clients);
  await assertPsqlFitsDump(version, file);
  const key = randomBytes(24).toString('hex');
  const around = aroundTimescaledb(needs);
  const lenient = [SESSION, ...sessionSettings(needs), ...around.settings].join('\n');
  const prelude = preludeOf(
    key,
    lenient,
    [
      ...(needs === undefined ? [] : assertMoney(needs)),
      before,
      ...around.before,
      searchPath === undefined ? '' : offerSearchPath(searchPath),
    ].filter((sql) => sql !== ''),
    judgePsql(version).knowsRestrict,
  );

  const startedAt = performance.now();
  await using fed = await feedPsql(options, signal);
  const { psql, input } = fed;
  const isThere = await writeAll(input, prelude);
  const outcome = isThere
    ? await runRestoreThread(
        { file, fd: input.fd, changes: { tablespaces, hasSearchPath: searchPath !== undefined } },
        options.onProgress,
      )
    : ({ kind: 'lost psql', headings: [] } as const);
  signal.throwIfAborted();
  if (outcome.kind === 'refused')
    throw new RestoreError(outcome.message, outcome.hint === undefined ? {} : { hint: outcome.hint });
  if (outcome.kind === 'locked') throw new LockedError(outcome.message, { hint: outcome.hint });
  if (outcome.kind === 'unreadable') throw new RetryableError(`cannot read the dump: ${outcome.message}`);
  if (outcome.kind === 'proven' && options.sha256 !== undefined && outcome.proven.sha256 !== options.sha256)
    throw new RestoreError(`the file's sha256 is ${outcome.proven.sha256}, and ${options.sha256} was wanted`);

  const isCommitting = outcome.kind === 'proven';
  if (isCommitting) {
    await writeAll(input, endingOf(key, around.after));
    await input.close();
  }
  const { exitCode, ending } = await psql.ended;
  if (isCommitting && exitCode === 0)
    return {
      content: outcome.proven,
      restoreMs: Math.round(performance.now() - startedAt),
      blankedTablespaces: outcome.blankedTablespaces,
      sequences: outcome.sequences,
    };
  const error = restoreError(
    psql.said(),
    ending,
    { lenient: countLines(lenient) + 1, before: countLines(prelude) },
    outcome.headings,
  );
  // A failed statement rolled everything back, even if it was the COMMIT.
  if (isCommitting && !(error instanceof RestoreError)) throw new OutcomeUnknownError(error);
  signal.throwIfAborted();
  throw error;
}

/** Locks psql first, so that no line of the dump is a command, then begins the transaction and leaves a mark in it. */
function preludeOf(key: string, lenient: string, before: readonly string[], knowsRestrict: boolean): string {
  return [
    lenient,
    String.raw`\set ON_ERROR_STOP on`,
    ...(knowsRestrict ? [String.raw`\restrict ${key}`] : []),
    'BEGIN;',
    `SELECT pg_catalog.set_config('pgstow.restore', '${key}', true);`,
    ...before,
    '',
  ].join('\n');
}

/** Commits if the mark is still there. If the dump has ended the transaction, the cast fails and says why. */
function endingOf(key: string, after: readonly string[]): string {
  const isWhole = `SELECT (CASE pg_catalog.current_setting('pgstow.restore', true) WHEN '${key}' THEN '1' ELSE 'the dump has ended the transaction of the restore' END)::pg_catalog.int4;`;
  return [isWhole, ...after, 'COMMIT;', ''].join('\n');
}

function countLines(text: string): number {
  return text.split('\n').length - 1;
}
