import { assertFolderWritable } from '@pgstow/catalog/folder/backup-folder.ts';
import { Publisher } from '@pgstow/catalog/published/publisher.ts';
import { startNotifying } from '@pgstow/notify/start-notifying.ts';
import { alarms } from '@pgstow/shared/config/alarms.ts';
import { backup } from '@pgstow/shared/config/backup.ts';
import { redis as redisSubject } from '@pgstow/shared/config/redis.ts';
import { s3 } from '@pgstow/shared/config/s3.ts';
import { verify } from '@pgstow/shared/config/verify.ts';
import { runProcess } from '@pgstow/shared/runtime/process.ts';
import { openQueue } from '@pgstow/shared/runtime/queue.ts';
import { connectRedis } from '@pgstow/shared/runtime/redis.ts';
import { startWorker } from '@pgstow/shared/runtime/worker.ts';
import { openDestinations } from './destination.ts';
import { handleUpload } from './handle-upload.ts';
import { startReconciliation } from './reconcile.ts';
import { Tell } from './tell.ts';
import type { UploadContext } from './upload-context.ts';

await runProcess('upload-worker', { backup, s3, verify, alarms, redis: redisSubject }, async (process) => {
  const { config, log, redact, stack } = process;
  await assertFolderWritable(config.backup.folder, config.backup.folderOnHost);
  const { url, site } = config.redis;
  const redis = stack.use(await connectRedis(url, log));
  const destinations = openDestinations(config.s3, log, stack);
  const queue = stack.use(openQueue('upload', site, redis));
  const context: UploadContext = {
    folder: config.backup.folder,
    onShrink: config.backup.onShrink,
    site,
    redis,
    destinations,
    verifications: stack.use(openQueue('verify', site, redis)),
    verifySchedule: config.verify.schedule,
    catalog: stack.use(
      new Publisher({ folder: config.backup.folder, site, redis, destination: config.s3?.place, log }),
    ),
    log,
  };

  // Without a bucket jobs are taken all the same: each fails with a hint that a person can read on the board, where one
  // that nobody takes would wait in silence.
  if (config.s3 === undefined) log.info('no S3_BUCKET: local backups only');
  else
    log.info(
      { bucket: config.s3.place.bucket, prefix: config.s3.place.prefix, endpoint: config.s3.place.endpoint },
      'uploading to S3',
    );
  const graceMs = config.runtime.shutdownGraceMs;
  const handle = handleUpload.bind(undefined, context);
  const { uploadEnds: onCompleted, uploadFails: onFailedForGood } = new Tell({
    ...context,
    s3: config.s3,
    ...startNotifying({ config: config.alarms, site, redis, log, redact, stack }),
  });
  stack.use(startWorker({ queue: 'upload', site, redis, log, redact, graceMs, handle, onCompleted, onFailedForGood }));
  stack.use(startReconciliation(context, queue));
});
