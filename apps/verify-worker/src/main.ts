import { assertFolderWritable } from '@pgstow/catalog/folder/backup-folder.ts';
import { startNotifying } from '@pgstow/notify/start-notifying.ts';
import { assertScratchRoot } from '@pgstow/scratch/assert-scratch-root.ts';
import { startWorker } from '@pgstow/shared/runtime/jobs/worker.ts';
import { runProcess } from '@pgstow/shared/runtime/process.ts';
import { connectRedis } from '@pgstow/shared/runtime/redis/redis.ts';
import { handleByServer } from '@pgstow/shared/runtime/servers/handle-by-server.ts';
import { openServers } from '@pgstow/shared/runtime/servers/open-servers.ts';
import { openContext, subjects } from './context.ts';
import { handleVerify } from './handle-verify.ts';
import { reconcile } from './reconcile.ts';
import { warnOfIdentity } from './warn-of-identity.ts';

await runProcess('verify-worker', subjects, async (process) => {
  const { config, log, redact, stack } = process;
  await assertFolderWritable(config.backup.folder, config.backup.folderOnHost);
  await assertScratchRoot(config.verify.folder);
  const identity = await warnOfIdentity(config);
  if (identity !== undefined) log.warn(identity);

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
      queue: 'verify',
      concurrency: config.targets.concurrency.verify.inAll,
      graceMs: config.runtime.shutdownGraceMs,
      handle: (task) => handleByServer('verify', servers, task, handleVerify),
      onFailedForGood: (job) => servers.contextOf(job.data.server)?.notifier.testFailed(job),
    }),
  );
});
