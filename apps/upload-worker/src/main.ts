import { assertFolderWritable } from '@pgstow/catalog/folder/backup-folder.ts';
import { startNotifying } from '@pgstow/notify/start-notifying.ts';
import { placeOf } from '@pgstow/shared/contract/destination.ts';
import { startWorker } from '@pgstow/shared/runtime/jobs/worker.ts';
import { runProcess } from '@pgstow/shared/runtime/process.ts';
import { connectRedis } from '@pgstow/shared/runtime/redis/redis.ts';
import { handleByServer } from '@pgstow/shared/runtime/servers/handle-by-server.ts';
import { openServers } from '@pgstow/shared/runtime/servers/open-servers.ts';
import { openContext, subjects } from './context.ts';
import { handleUpload } from './handle-upload.ts';
import { reconcile } from './reconcile.ts';

await runProcess('upload-worker', subjects, async (process) => {
  const { config, log, redact, stack } = process;
  await assertFolderWritable(config.backup.folder, config.backup.folderOnHost);
  // Jobs are taken without a destination, too: each fails with a hint on the board instead of waiting in silence.
  if (config.destinations.length === 0) log.info('no S3_BUCKET: local backups only');
  for (const { destination } of config.destinations) {
    const { prefix, ...place } = { ...placeOf(destination), prefix: destination.prefix };
    log.info({ ...place, prefix }, 'folder' in place ? 'copying to a folder' : 'uploading to S3');
  }

  const { site, url } = config.redis;
  const redis = stack.use(await connectRedis(url, log));
  const notifying = startNotifying({ ...process, config: config.alarms, site, redis });
  const servers = stack.use(
    await openServers({
      ...process,
      site,
      redis,
      open: async (server) => {
        const context = await openContext(server, { site, redis, notifying });
        server.stack.use(reconcile(context));
        return context;
      },
    }),
  );
  stack.use(
    startWorker({
      site,
      redis,
      log,
      redact,
      queue: 'upload',
      concurrency: config.targets.concurrency.upload.inAll,
      graceMs: config.runtime.shutdownGraceMs,
      handle: (task) => handleByServer('upload', servers, task, handleUpload),
      onCompleted: (job) => servers.contextOf(job.data.server)?.notifier.uploadEnded(job),
      onFailedForGood: (job) => servers.contextOf(job.data.server)?.notifier.uploadFailed(job),
    }),
  );
});
