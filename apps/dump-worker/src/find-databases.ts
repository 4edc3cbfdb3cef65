import { assertFolderWritable, folderError } from '@pgstow/catalog/folder/backup-folder.ts';
import { allRecorded, readFolder, type KnownDump } from '@pgstow/catalog/folder/read-folder.ts';
import { readFoundDatabases } from '@pgstow/catalog/folder/read-records.ts';
import { writeFoundDatabases } from '@pgstow/catalog/folder/write-record.ts';
import { judgeFound, type BackedUp } from '@pgstow/catalog/policy/found-databases-policy.ts';
import { listDatabases, type ListedDatabases } from '@pgstow/postgres/facts/list-databases.ts';
import { isAsked, targetsOf } from '@pgstow/shared/config/targets-of.ts';
import { foundJobId, type DumpReason, type FoundResult } from '@pgstow/shared/contract/jobs.ts';
import { EVERY_DATABASE, GLOBALS } from '@pgstow/shared/contract/target.ts';
import { PermanentError, RetryableError } from '@pgstow/shared/runtime/errors.ts';
import { enqueueDump } from '@pgstow/shared/runtime/jobs/queue.ts';
import type { Task } from '@pgstow/shared/runtime/jobs/task.ts';
import { dumpLockKey, withLock } from '@pgstow/shared/runtime/redis/lock.ts';
import type { DumpContext } from './context.ts';
import { openServer } from './open-server.ts';

/** Limit for the connections and their few small queries. */
const ANSWER_MS = 120_000;

/**
 * Finds which databases the server has, records that, and asks for a dump of each that is to be backed up. A list that cannot be read
 * fails the run, and changes nothing.
 */
export async function findDatabases(task: Task<'dump'>, context: DumpContext): Promise<FoundResult> {
  const { postgres, backup, records, scope, redis, catalog } = context;
  if (postgres.patterns.length === 0)
    throw new PermanentError('POSTGRES_DB names all databases, and none is to be found', {
      hint: 'Restart the scheduler with the settings of this worker.',
    });
  return withLock(redis, dumpLockKey(scope, EVERY_DATABASE), task.signal, async (signal) => {
    await assertFolderWritable(backup.folder, backup.folderOnHost);
    const server = await askServer(task, context, signal);
    const before = readFoundDatabases(records);
    if (before instanceof Error) task.log.warn({ err: before.message }, 'what was found before cannot be read');
    const judged = judgeFound(before instanceof Error ? undefined : before, server, {
      isAsked: (database) => isAsked(postgres, database),
      backedUp: groupDumps(allRecorded(await readFolder(records))),
    });
    const { found, news, doubt } = judged;
    for (const sentence of news) task.note(sentence);
    if (doubt !== undefined) {
      task.log.warn({ doubt }, 'databases that are missing count as there, and their dumps fail');
      task.note(`warning: ${doubt}; its databases count as missing, not as gone`);
    }
    signal.throwIfAborted();
    await writeFoundDatabases(backup.folder, found).catch((error: unknown) => {
      throw folderError(error, backup.folder);
    });
    catalog.publish();
    return { dumps: await askForDumps(task, context, targetsOf(postgres, found)) };
  });
}

async function askServer(
  task: Task<'dump'>,
  context: DumpContext,
  signal: AbortSignal,
): Promise<ListedDatabases & { readonly at: Date }> {
  const late = AbortSignal.timeout(ANSWER_MS);
  const ended = AbortSignal.any([signal, late]);
  const { postgres } = context;
  try {
    await using session = await openServer(context, `pgstow ${task.id}`, ended);
    const listed = await listDatabases(session);
    const asked = listed.databases.filter(({ database }) => isAsked(postgres, database));
    task.note(`the server has ${listed.databases.length} databases, of which ${asked.length} are to be backed up`);
    if (asked.length === 0)
      throw new PermanentError(
        `of the server's ${listed.databases.length} databases, POSTGRES_DB (${postgres.patterns.join(', ')}) asks for none`,
        { hint: 'Check POSTGRES_DB and POSTGRES_DB_EXCLUDE, and whether it is the right server.' },
      );
    return { ...listed, at: new Date() };
  } catch (error) {
    signal.throwIfAborted();
    if (!late.aborted) throw error;
    throw new RetryableError(`the server did not say within ${ANSWER_MS / 1000} s which databases it has`, {
      hint: 'It accepts connections and then stays silent; look at its log and its load.',
    });
  }
}

/** Asks once for the dump of each target, however often this job runs. */
async function askForDumps(
  { reason, wantedSince }: Task<'dump'>,
  { dumps, server }: DumpContext,
  targets: readonly string[],
): Promise<FoundResult['dumps']> {
  const asked: FoundResult['dumps'] = [];
  for (const target of targets) {
    const jobId = foundJobId(target, wantedSince.getTime(), server);
    const job = await enqueueDump(dumps, target, reason as DumpReason, { jobId });
    asked.push({ target, job: job.id ?? jobId });
  }
  return asked;
}

/** @param dumps oldest first */
function groupDumps(dumps: readonly KnownDump[]): readonly BackedUp[] {
  const ofDatabases = dumps.filter(({ manifest }) => manifest.database !== GLOBALS);
  return [...Map.groupBy(ofDatabases, ({ manifest }) => manifest.database)].map(([database, theirs]) => ({
    database,
    firstTakenAt: theirs[0]?.manifest.takenAt ?? '',
    lastTakenAt: theirs.at(-1)?.manifest.takenAt ?? '',
  }));
}
