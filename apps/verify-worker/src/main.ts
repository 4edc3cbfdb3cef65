import { assertFolderWritable } from '@pgstow/catalog/folder/backup-folder.ts';
import { assertScratchRoot } from '@pgstow/scratch/assert-scratch-root.ts';
import type { Task } from '@pgstow/shared/runtime/jobs/task.ts';
import { startWorker } from '@pgstow/shared/runtime/jobs/worker.ts';
import { runProcess } from '@pgstow/shared/runtime/process.ts';
import { openContext, subjects } from './context.ts';
import { handleVerify } from './handle-verify.ts';
import { reconcile } from './reconcile.ts';

await runProcess('verify-worker', subjects, async (process) => {
  const { config, redact, stack } = process;
  await assertFolderWritable(config.backup.folder, config.backup.folderOnHost);
  await assertScratchRoot(config.verify.folder);

  const context = await openContext(process);
  stack.use(reconcile(context));
  const { testFailed: onFailedForGood } = context.notifier;
  const handle = (task: Task<'verify'>) => handleVerify(task, context);
  const graceMs = config.runtime.shutdownGraceMs;
  stack.use(startWorker({ ...context, queue: 'verify', redact, graceMs, handle, onFailedForGood }));
});
