import { PsqlSession } from '@pgstow/postgres/client/psql-session.ts';
import { quoteIdentifier } from '@pgstow/postgres/client/sql-quote.ts';
import { compareRestored, type RestoredComparison } from '@pgstow/postgres/facts/compare-restored.ts';
import type { RestoredDump } from '@pgstow/postgres/restore/restore-dump.ts';
import { amcheck } from '@pgstow/scratch/amcheck.ts';
import type { ScratchServer } from '@pgstow/scratch/scratch-server.ts';
import { searchPathOf } from '@pgstow/shared/config/values/search-paths.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { GLOBALS } from '@pgstow/shared/contract/target.ts';
import { showProgress } from '@pgstow/shared/runtime/jobs/show-progress.ts';
import type { Compared } from './compared.ts';
import { prepareServer } from './prepare-server.ts';
import { readDumpFacts } from './read-dump-facts.ts';
import { restoreGlobals } from './restore-globals.ts';
import { restoreInto } from './restore-into.ts';
import type { RestoreStep } from './restore-step.ts';
import { runOwnChecks } from './run-own-checks.ts';
import { withMatchingServer } from './start-matching-server.ts';

/**
 * Restores a dump into a server of its source's version, and compares that with the manifest.
 *
 * @throws BadDumpError if the dump does not restore; anything else says nothing of it
 */
export async function restoreAndCompare(step: RestoreStep): Promise<Compared> {
  const { task, context, wanted, path, identityFile } = step;
  const { manifest } = wanted;
  if (manifest.database === GLOBALS) return restoreGlobals(step);
  const { searchPaths, checksFile: file } = context.verify;
  const searchPath = searchPathOf(searchPaths, manifest.database);
  const facts = await readDumpFacts(manifest, step, step.signal);
  return withMatchingServer(step, facts, async (server, signal) => {
    task.note(`restoring into a scratch server of version ${server.version}`);
    const database = await prepareServer(server, manifest, facts);
    const { restoreMs, sequences } = await restoreInto(
      server,
      database,
      { path, identityFile },
      {
        needs: manifest.needs,
        searchPath,
        circumstances: {
          isLikeSource: manifest.source !== undefined && !server.isOtherLocale,
          limitedBy: manifest.source?.limitedBy,
        },
        signal,
        onProgress: showProgress(task, manifest.sqlBytes, 20, 80),
      },
    );
    task.note(`restored in ${(restoreMs / 1000).toFixed(1)} s`);
    const compared = await compare(server, database, { manifest, sequences }, signal);
    const { findings, notes, uncounted, tables, rows } = compared;
    task.progress(90);
    const unanalyzed = await analyze(server, database, signal);
    const pages = await amcheck(server, database, signal);
    const damage = 'damage' in pages ? pages.damage : [];
    const unread = 'damage' in pages ? [] : [`tables and indexes were not read page by page: ${pages.whyNot}`];
    // The last of all: a query that writes in spite of all spoils nothing.
    const { failed, ...own } = await runOwnChecks(server, { database, manifest, file, signal });
    return {
      ...own,
      findings: [...findings, ...damage, ...failed],
      notes: [...server.notes, ...restoredWith(searchPath), ...notes, ...uncounted, ...unanalyzed, ...unread],
      restoreMs,
      tables,
      rows,
      serverVersion: server.version,
    };
  });
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
