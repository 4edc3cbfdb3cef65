import { assertFolderWritable } from '@pgstow/catalog/folder/backup-folder.ts';
import type { Task } from '@pgstow/shared/runtime/jobs/task.ts';
import { startWorker } from '@pgstow/shared/runtime/jobs/worker.ts';
import { runProcess } from '@pgstow/shared/runtime/process.ts';
import { openContext, subjects } from './context.ts';
import { handleUpload } from './handle-upload.ts';
import { reconcile } from './reconcile.ts';

await runProcess('upload-worker', subjects, async (process) => {
  const { config, log, redact, stack } = process;
  await assertFolderWritable(config.backup.folder, config.backup.folderOnHost);
  // Jobs are taken without a bucket, too: each fails with a hint on the board instead of waiting in silence.
  if (config.s3 === undefined) log.info('no S3_BUCKET: local backups only');
  else {
    const { bucket, prefix, endpoint } = config.s3.destination;
    log.info({ bucket, prefix, endpoint }, 'uploading to S3');
  }

  const context = await openContext(process);
  stack.use(reconcile(context));
  const { uploadEnded: onCompleted, uploadFailed: onFailedForGood } = context.notifier;
  const handle = (task: Task<'upload'>) => handleUpload(task, context);
  const graceMs = config.runtime.shutdownGraceMs;
  stack.use(startWorker({ ...context, queue: 'upload', redact, graceMs, handle, onCompleted, onFailedForGood }));
});
