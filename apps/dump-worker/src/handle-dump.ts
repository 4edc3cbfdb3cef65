import { assertFolderWritable, NoSpaceError } from '@pgstow/catalog/folder/backup-folder.ts';
import { readFolder } from '@pgstow/catalog/folder/read-folder.ts';
import { dumpsOf } from '@pgstow/catalog/policy/dumps-of.ts';
import type { DumpResult } from '@pgstow/shared/contract/jobs.ts';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { dumpLockKey, withLock } from '@pgstow/shared/runtime/lock.ts';
import type { Task } from '@pgstow/shared/runtime/worker.ts';
import type { DumpWorker } from './dump-worker.ts';
import { handOver } from './hand-over.ts';
import { prune } from './prune.ts';
import { recordDump } from './record-dump.ts';
import { findServingDump } from './serving-dump.ts';
import { sweepPartials } from './sweep-partials.ts';
import { takeDump } from './take-dump.ts';

/** Take the dump, prove it, record it, hand it over, prune: as the only one at this target of this site. */
export async function handleDump(task: Task<'dump'>, worker: DumpWorker): Promise<DumpResult> {
  const { target } = task.data;
  if (!worker.postgres.databases.includes(target)) {
    throw new PermanentError(`${JSON.stringify(target)} is not a configured database`, {
      hint: `POSTGRES_DB names ${worker.postgres.databases.map((name) => JSON.stringify(name)).join(', ')}.`,
    });
  }
  return withLock(worker.redis, dumpLockKey(worker.site, target), task.signal, async (signal) => {
    await assertFolderWritable(worker.backup.folder, worker.backup.folderOnHost);
    await sweepPartials(worker.backup.folder, target, task.log);
    const { dumps } = await readFolder(worker.backup.folder);
    const earlier = dumpsOf(target, dumps);

    const serving = findServingDump(task, earlier, worker.schedule, new Date());
    if (serving !== undefined) {
      task.concerns(serving.manifest.name);
      task.note(`${serving.manifest.name} is there already and serves this job`);
      return handOver(serving, worker, task.log);
    }

    let manifest, proven;
    try {
      proven = await takeDump(task, worker, earlier, signal);
      manifest = await recordDump(proven, worker.backup.folder, signal);
    } catch (error) {
      // Perhaps there is room for the next attempt once what may go is gone.
      if (error instanceof NoSpaceError) await prune(task, worker);
      throw error;
    }
    task.progress(100);
    worker.tell.sizeIs({ name: manifest.name, isSuspect: manifest.suspect !== undefined, shrunk: proven.shrunk });
    const result = await handOver({ manifest }, worker, task.log);
    task.note(`recorded ${manifest.name}, sha256 ${manifest.sha256}`);
    if (result.suspect !== undefined)
      task.note(
        `SUSPECT: ${result.suspect}; it is kept, and does not count as a backup. If that is meant: pgstow accept ${manifest.name}`,
      );
    await prune(task, worker);
    return result;
  });
}
