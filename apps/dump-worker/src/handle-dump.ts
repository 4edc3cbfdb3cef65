import { assertFolderWritable, NoSpaceError } from '@pgstow/catalog/folder/backup-folder.ts';
import { allRecorded, readFolder } from '@pgstow/catalog/folder/read-folder.ts';
import { readTargets } from '@pgstow/catalog/folder/read-targets.ts';
import type { DumpResult, FoundResult } from '@pgstow/shared/contract/jobs.ts';
import { describeTarget, EVERY_DATABASE, GLOBALS } from '@pgstow/shared/contract/target.ts';
import { BusyError, PermanentError } from '@pgstow/shared/runtime/errors.ts';
import type { Task } from '@pgstow/shared/runtime/jobs/task.ts';
import { dumpLockKey, withLock } from '@pgstow/shared/runtime/redis/lock.ts';
import type { DumpContext } from './context.ts';
import { findDatabases } from './find-databases.ts';
import { handOver } from './hand-over.ts';
import { startsAfterMs } from './jitter-policy.ts';
import { prepareDump } from './prepare-dump.ts';
import { prune } from './prune.ts';
import { recordDump } from './record-dump.ts';
import { findServingDump } from './serving-dump.ts';
import { sweepPartials } from './sweep-partials.ts';
import { takeDump } from './take-dump.ts';

/** Takes a dump, proves it, records it, hands it over, prunes and publishes; under the lock of its target. */
export async function handleDump(task: Task<'dump'>, context: DumpContext): Promise<DumpResult | FoundResult> {
  const { target } = task.data;
  waitForTurn(task, context);
  if (target === EVERY_DATABASE) return findDatabases(task, context);
  const { backup, records, scope, redis, catalog, notifier } = context;
  assertTarget(target, context);
  return withLock(redis, dumpLockKey(scope, target), task.signal, async (signal) => {
    await assertFolderWritable(backup.folder, backup.folderOnHost);
    await sweepPartials(backup.folder, target, task.log);
    const contents = await readFolder(records, { databases: [target] });
    const earlier = allRecorded(contents);

    const serving = findServingDump(task, earlier, context.schedule, new Date());
    if (serving !== undefined) {
      task.concerns(serving.manifest.name);
      task.note(`${serving.manifest.name} is there already and serves this job`);
      // One that lies elsewhere alone has nothing to upload.
      const isHere = contents.dumps.includes(serving);
      return handOver(task, isHere ? context : { ...context, destinations: new Map() }, serving);
    }

    try {
      const prepared = await prepareDump(task, context, earlier, signal);
      notifier.dumpStarted(task.id, target, prepared.name);
      const proven = await takeDump(task, context, prepared, earlier, signal);
      const manifest = await recordDump(task, context, proven, signal);
      notifier.dumpJudged(manifest, proven.shrunk);
      const result = await handOver(task, context, { manifest });
      await prune(task, context);
      catalog.publish();
      return result;
    } catch (error) {
      // There may be room for the next attempt once old dumps are gone.
      if (error instanceof NoSpaceError) {
        await prune(task, context);
        catalog.publish();
      }
      throw error;
    }
  });
}

/** Lets the scheduled runs of different targets begin one after another, where that is asked for. @throws BusyError */
function waitForTurn({ reason, data, wantedSince }: Task<'dump'>, { server, schedule }: DumpContext): void {
  if (reason !== 'scheduled' || schedule.jitterMs === undefined) return;
  const startsAt = wantedSince.getTime() + startsAfterMs({ server, database: data.target }, schedule.jitterMs);
  if (startsAt > Date.now()) throw new BusyError('its turn comes later', startsAt - Date.now(), { isUsual: true });
}

/** @throws PermanentError if the settings do not ask for it, or it is not there any more */
function assertTarget(target: string, { postgres, records }: DumpContext): void {
  const targets = readTargets(records, postgres);
  if (targets.includes(target)) return;
  const named = targets.filter((each) => each !== GLOBALS).slice(0, MOST_NAMED);
  const others = targets.length > MOST_NAMED ? ', and more' : '';
  const hint = `${postgres.patterns.length === 0 ? 'POSTGRES_DB names' : 'Of those that POSTGRES_DB asks for, the server has'} ${named.map((name) => JSON.stringify(name)).join(', ')}${others}.`;
  throw new PermanentError(`${JSON.stringify(describeTarget(target))} is not a configured database`, {
    hint: target === GLOBALS ? 'BACKUP_GLOBALS=on dumps them.' : hint,
  });
}

const MOST_NAMED = 20;
