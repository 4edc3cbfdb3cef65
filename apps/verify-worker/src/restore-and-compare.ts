import { once } from 'node:events';
import { join } from 'node:path';
import { PsqlSession } from '@pgstow/postgres/client/psql-session.ts';
import { compareRestored, type RestoredComparison } from '@pgstow/postgres/facts/compare-restored.ts';
import { amcheck } from '@pgstow/scratch/amcheck.ts';
import { startScratchServer, type ScratchServer } from '@pgstow/scratch/scratch-server.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { showProgress } from '@pgstow/shared/runtime/show-progress.ts';
import type { Task } from '@pgstow/shared/runtime/worker.ts';
import prettyBytes from 'pretty-bytes';
import { assertPossible } from './assert-possible.ts';
import type { VerifyContext } from './context.ts';
import { Deadline } from './deadline.ts';
import { fetchDump } from './fetch-dump.ts';
import type { WantedDump } from './find-wanted-dump.ts';
import { prepareServer } from './prepare-server.ts';
import { readAbout } from './read-about.ts';
import type { RestoreFinding } from './restore-finding.ts';
import { restoreInto } from './restore-into.ts';
import { serverFolder } from './scratch-folder.ts';

/** In which a server that has lost a process ends. */
const END_MS = 5000;
/** Restore tests of others, each of the longest time, that ours waits for at a scratch host. */
const MOST_WAITED_FOR = 3;

export type TestStep = {
  readonly task: Task<'verify'>;
  readonly context: VerifyContext;
  readonly wanted: WantedDump;
  /** A private folder, removed afterwards. */
  readonly scratch: string;
  /** Aborts the signal. */
  readonly deadline: Deadline;
  readonly signal: AbortSignal;
};

/**
 * Fetches a dump, restores it into a server of its source's version, and compares that with the manifest.
 *
 * @throws BadDumpError if the dump is not what its manifest says, or does not restore; anything else says nothing of it
 */
export async function restoreAndCompare(step: TestStep): Promise<RestoreFinding> {
  const { task, context, wanted, scratch, signal } = step;
  const { manifest } = wanted;
  await assertPossible(context.verify, manifest, signal);
  const path = join(scratch, 'dump.sql.gz');
  await fetchDump(wanted, context.backup.folder, path, signal, showProgress(task, manifest.bytes, 0, 20));
  task.note(`fetched ${prettyBytes(manifest.bytes)}, sha256 as in the manifest`);

  const about = await readAbout(manifest, path, signal);
  await using server = await startServer(step, about.major);
  task.note(`restoring into a scratch server of version ${server.version}`);
  try {
    return await compareIn(server, step, path, about.roles);
  } catch (error) {
    throw await reasonOf(error, server);
  }
}

async function compareIn(
  server: ScratchServer,
  { task, wanted, signal }: TestStep,
  path: string,
  roles: readonly string[],
): Promise<RestoreFinding> {
  const { manifest } = wanted;
  const running = AbortSignal.any([signal, server.signal]);
  const database = await prepareServer(server, manifest, roles);
  const restoreMs = await restoreInto(server, database, path, {
    circumstances: {
      isLikeSource: manifest.source !== undefined && !server.isOtherLocale,
      limitedBy: manifest.source?.limitedBy,
    },
    signal: running,
    onProgress: showProgress(task, manifest.sqlBytes, 20, 80),
  });
  task.note(`restored in ${(restoreMs / 1000).toFixed(1)} s`);
  const compared = await compareWith(manifest, server, database, running);
  task.progress(90);
  const unanalyzed = await analyze(server, database, running);
  const checked = await checkPages(server, database, running);
  return describe(
    server,
    compared,
    restoreMs,
    [...compared.differences, ...checked.differences],
    [...server.notes, ...compared.notes, ...compared.uncounted, ...unanalyzed, ...checked.notes],
  );
}

async function compareWith(
  manifest: Manifest,
  { clients, env, runAs }: ScratchServer,
  database: string,
  signal: AbortSignal,
): Promise<RestoredComparison> {
  await using session = await PsqlSession.start(clients, env(database), signal, runAs);
  return await compareRestored(session, manifest);
}

/** A client that has lost its server says less of it than the server's own end, which follows. */
async function reasonOf(error: unknown, server: ScratchServer): Promise<unknown> {
  if (!(error instanceof RetryableError)) return error;
  try {
    if (!server.signal.aborted) await once(server.signal, 'abort', { signal: AbortSignal.timeout(END_MS) });
    return server.signal.reason;
  } catch {
    // It runs: the reason lies elsewhere.
    return error;
  }
}

async function startServer(
  { context, wanted, scratch, deadline, signal }: TestStep,
  major: number,
): Promise<ScratchServer> {
  const { memoryBytes, diskBytes, hostFolder, timeoutMs } = context.verify;
  const { manifest } = wanted;
  const options = {
    folder: serverFolder(scratch),
    major,
    ...(manifest.source ?? { encoding: 'UTF8', collate: 'C', ctype: 'C.UTF-8' }),
    memoryBytes,
  };
  if (hostFolder === undefined) return await startScratchServer({ ...options, signal });
  // A scratch host runs one at a time: the tests that ours waits for have a time of their own.
  using _waits = deadline.pause();
  const patienceMs = MOST_WAITED_FOR * timeoutMs;
  using patience = new Deadline(patienceMs);
  try {
    return await startScratchServer({
      ...options,
      host: { folder: hostFolder, diskBytes: left(diskBytes, manifest.bytes) },
      signal: AbortSignal.any([signal, patience.signal]),
    });
  } catch (error) {
    signal.throwIfAborted();
    if (!patience.signal.aborted) throw error;
    throw new RetryableError(`the scratch host ran no server for it within ${patienceMs / 1000} s`, {
      hint: 'Another restore test does not end there, or too many wait: see the log of scratch-host, and restart that service.',
    });
  }
}

/** It reads every row, but runs functions of indexes and asks foreign partitions, which may fail here and say nothing of the dump. */
async function analyze(server: ScratchServer, database: string, signal: AbortSignal): Promise<readonly string[]> {
  try {
    await server.query(database, 'analyze');
    return [];
  } catch (error) {
    signal.throwIfAborted();
    return [`ANALYZE failed: ${(error as Error).message}`];
  }
}

/** Of what a test may take on the disk, the dump has its part. */
function left(diskBytes: number | undefined, dumpBytes: number): number | undefined {
  return diskBytes === undefined ? undefined : Math.max(0, diskBytes - dumpBytes);
}

async function checkPages(
  server: ScratchServer,
  database: string,
  signal: AbortSignal,
): Promise<{ readonly differences: readonly string[]; readonly notes: readonly string[] }> {
  const found = await amcheck(server, database, signal);
  return 'damage' in found
    ? { differences: found.damage, notes: [] }
    : { differences: [], notes: [`tables and indexes were not read page by page: ${found.whyNot}`] };
}

function describe(
  server: ScratchServer,
  { tables, rows }: RestoredComparison,
  restoreMs: number,
  differences: readonly string[],
  notes: readonly string[],
): RestoreFinding {
  const [first] = differences;
  const others = differences.length > 1 ? `, and ${differences.length - 1} more differences` : '';
  return {
    result: first === undefined ? 'good' : 'bad',
    ...(first === undefined ? {} : { reason: `${first}${others}` }),
    differences,
    notes: [...notes],
    restoreMs: Math.round(restoreMs),
    tables,
    rows,
    serverVersion: server.version,
    isLasting: false,
  };
}
