import { assertFolderWritable } from '@pgstow/catalog/folder/backup-folder.ts';
import { startNotifying, warningOf } from '@pgstow/notify/start-notifying.ts';
import { encryptText } from '@pgstow/postgres/age/age-text.ts';
import { openPipe } from '@pgstow/postgres/client/open-pipe.ts';
import { syncFolder } from '@pgstow/shared/runtime/atomic-file.ts';
import { startWorker } from '@pgstow/shared/runtime/jobs/worker.ts';
import { runProcess } from '@pgstow/shared/runtime/process.ts';
import { connectRedis } from '@pgstow/shared/runtime/redis/redis.ts';
import { handleByServer } from '@pgstow/shared/runtime/servers/handle-by-server.ts';
import { openServers } from '@pgstow/shared/runtime/servers/open-servers.ts';
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
  const { recipients } = config.encryption;
  if (recipients.length > 0) {
    // A dump at night is no time to learn that age is missing, or does not take a key.
    await encryptText('', recipients);
    log.info({ recipients }, 'encrypting dumps by age');
  }
  if (config.destinations.length === 0) log.warn('no S3_BUCKET: local backups only');

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
  const { databases, patterns, globals } = config.postgres;
  const areMany = patterns.length > 0 || globals !== 'off';
  const warning = warningOf(config.alarms, areMany ? 'many' : databases, servers.names);
  if (warning !== undefined) log.warn(warning);
  stack.use(
    startWorker({
      site,
      redis,
      log,
      redact,
      queue: 'dump',
      concurrency: config.targets.concurrency.dump.inAll,
      graceMs: config.runtime.shutdownGraceMs,
      handle: (task) => handleByServer('dump', servers, task, handleDump),
      onCompleted: (job) => servers.contextOf(job.data.server)?.notifier.dumpEnded(job),
      onFailedForGood: (job) => servers.contextOf(job.data.server)?.notifier.dumpFailed(job),
    }),
  );
});
