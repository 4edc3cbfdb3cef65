import { assertFolderWritable } from '@pgstow/catalog/folder/backup-folder.ts';
import { warningOf } from '@pgstow/notify/start-notifying.ts';
import { openPipe } from '@pgstow/postgres/client/open-pipe.ts';
import { syncFolder } from '@pgstow/shared/runtime/atomic-file.ts';
import type { Task } from '@pgstow/shared/runtime/jobs/task.ts';
import { startWorker } from '@pgstow/shared/runtime/jobs/worker.ts';
import { runProcess } from '@pgstow/shared/runtime/process.ts';
import { openContext, subjects } from './context.ts';
import { handleDump } from './handle-dump.ts';
import { reconcile } from './reconcile.ts';

await runProcess('dump-worker', subjects, async (process) => {
  const { config, log, redact, stack } = process;
  await assertFolderWritable(config.backup.folder, config.backup.folderOnHost);
  if (!(await syncFolder(config.backup.folder)))
    log.warn(`${config.backup.folder} cannot sync a folder: a power cut may take the newest backups' names with it`);
  // Every dump needs a pipe: where none can be opened, the start says so.
  await (await openPipe())[Symbol.asyncDispose]();
  if (config.s3 === undefined) log.warn('no S3_BUCKET: local backups only');
  const warning = warningOf(config.alarms, config.postgres.databases);
  if (warning !== undefined) log.warn(warning);

  const context = await openContext(process);
  stack.use(reconcile(context));
  const { dumpEnded: onCompleted, dumpFailed: onFailedForGood } = context.notifier;
  const handle = (task: Task<'dump'>) => handleDump(task, context);
  const graceMs = config.runtime.shutdownGraceMs;
  stack.use(startWorker({ ...context, queue: 'dump', redact, graceMs, handle, onCompleted, onFailedForGood }));
});
