import { once } from 'node:events';
import { PsqlSession } from '@pgstow/postgres/client/psql-session.ts';
import { quoteIdentifier } from '@pgstow/postgres/client/sql-quote.ts';
import { compareRestored, type RestoredComparison } from '@pgstow/postgres/facts/compare-restored.ts';
import type { RestoredDump } from '@pgstow/postgres/restore/restore-dump.ts';
import { amcheck } from '@pgstow/scratch/amcheck.ts';
import type { ScratchServer } from '@pgstow/scratch/scratch-server.ts';
import type { Finding } from '@pgstow/shared/contract/finding.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { showProgress } from '@pgstow/shared/runtime/jobs/show-progress.ts';
import { prepareServer } from './prepare-server.ts';
import { readAbout, type AboutDump } from './read-about.ts';
import { restoreInto } from './restore-into.ts';
import type { RestoreStep } from './restore-step.ts';
import { runOwnChecks } from './run-own-checks.ts';
import { startMatchingServer } from './start-matching-server.ts';

/** A restored dump, compared with its manifest. */
export type Compared = {
  /** All that differs from the manifest. */
  readonly findings: readonly Finding[];
  /** What could not be compared, or is worth knowing, a sentence each. */
  readonly notes: readonly string[];
  readonly restoreMs: number;
  readonly tables: number;
  readonly rows: number;
  readonly serverVersion: string;
  /** Number of own checks that were run; `undefined` without VERIFY_CHECKS. */
  readonly checks: number | undefined;
  /** Own checks that could not be run, a sentence each: without them the verdict is not known. */
  readonly unchecked: readonly string[];
};

/** Time for a server that has lost a process to end. */
const END_MS = 5000;

/**
 * Restores a dump into a server of its source's version, and compares that with the manifest.
 *
 * @throws BadDumpError if the dump does not restore; anything else says nothing of it
 */
export async function restoreAndCompare(step: RestoreStep): Promise<Compared> {
  const { task, wanted, path, signal } = step;
  const about = await readAbout(wanted.manifest, path, signal);
  await using server = await startMatchingServer(step, about);
  task.note(`restoring into a scratch server of version ${server.version}`);
  try {
    return await compareIn(server, step, about);
  } catch (error) {
    throw await reasonOf(error, server);
  }
}

async function compareIn(
  server: ScratchServer,
  { task, context, wanted, path, signal }: RestoreStep,
  about: AboutDump,
): Promise<Compared> {
  const { manifest } = wanted;
  const running = AbortSignal.any([signal, server.signal]);
  const database = await prepareServer(server, manifest, about);
  const { restoreMs, sequences } = await restoreInto(server, database, path, {
    needs: manifest.needs,
    searchPath: context.verify.searchPath,
    circumstances: {
      isLikeSource: manifest.source !== undefined && !server.isOtherLocale,
      limitedBy: manifest.source?.limitedBy,
    },
    signal: running,
    onProgress: showProgress(task, manifest.sqlBytes, 20, 80),
  });
  task.note(`restored in ${(restoreMs / 1000).toFixed(1)} s`);
  const { findings, notes, uncounted, tables, rows } = await compare(
    server,
    database,
    { manifest, sequences },
    running,
  );
  task.progress(90);
  const unanalyzed = await analyze(server, database, running);
  const pages = await amcheck(server, database, running);
  const damage = 'damage' in pages ? pages.damage : [];
  const unread = 'damage' in pages ? [] : [`tables and indexes were not read page by page: ${pages.whyNot}`];
  // The last of all: a query that writes in spite of all spoils nothing.
  const own = await runOwnChecks(server, { database, manifest, file: context.verify.checksFile, signal: running });
  return {
    findings: [...findings, ...damage, ...own.failed],
    notes: [
      ...server.notes,
      ...restoredWith(context.verify.searchPath),
      ...notes,
      ...uncounted,
      ...unanalyzed,
      ...unread,
    ],
    restoreMs,
    tables,
    rows,
    serverVersion: server.version,
    checks: own.checks,
    unchecked: own.unchecked,
  };
}

/** Version that knows event triggers on login, which may keep a session out, or write what is then compared. */
const LOGIN_TRIGGERS_SINCE = 17;

async function silenceLogins(server: ScratchServer, database: string): Promise<void> {
  if (server.clients.major >= LOGIN_TRIGGERS_SINCE)
    await server.query('postgres', `alter database ${quoteIdentifier(database)} set event_triggers = off`);
}

function restoredWith(searchPath: string | undefined): readonly string[] {
  return searchPath === undefined
    ? []
    : [`restored with the search_path ${searchPath} (VERIFY_SEARCH_PATH); pgstow restore needs it as --search-path`];
}

export async function compare(
  server: ScratchServer,
  database: string,
  { manifest, sequences }: { readonly manifest: Manifest } & Pick<RestoredDump, 'sequences'>,
  signal: AbortSignal,
): Promise<RestoredComparison> {
  const { clients, env, runAs } = server;
  await silenceLogins(server, database);
  await using session = await PsqlSession.start(clients, env(database), signal, { prefix: runAs });
  return await compareRestored(session, manifest, sequences);
}

/** Reads every row. It also runs functions of indexes and asks foreign partitions, whose faults say nothing of the dump. */
async function analyze(server: ScratchServer, database: string, signal: AbortSignal): Promise<readonly string[]> {
  try {
    await server.query(database, 'analyze');
    return [];
  } catch (error) {
    signal.throwIfAborted();
    return [`ANALYZE failed: ${(error as Error).message}`];
  }
}

/** The server's own end, which follows, says more than a client that has lost it. */
export async function reasonOf(error: unknown, server: ScratchServer): Promise<unknown> {
  if (!(error instanceof RetryableError)) return error;
  try {
    if (!server.signal.aborted) await once(server.signal, 'abort', { signal: AbortSignal.timeout(END_MS) });
    return server.signal.reason;
  } catch {
    // It still runs: the reason lies elsewhere.
    return error;
  }
}
