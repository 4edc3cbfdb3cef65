import { setTimeout as delay } from 'node:timers/promises';
import { assertFolderWritable } from '@pgstow/catalog/folder/backup-folder.ts';
import { Publisher } from '@pgstow/catalog/published/publisher.ts';
import { startNotifying, warningOf } from '@pgstow/notify/start-notifying.ts';
import { openPipe } from '@pgstow/postgres/client/open-pipe.ts';
import { alarms } from '@pgstow/shared/config/alarms.ts';
import { backup } from '@pgstow/shared/config/backup.ts';
import { postgres } from '@pgstow/shared/config/postgres.ts';
import { redis as redisSubject } from '@pgstow/shared/config/redis.ts';
import { s3 } from '@pgstow/shared/config/s3.ts';
import { schedule } from '@pgstow/shared/config/schedule.ts';
import { verify } from '@pgstow/shared/config/verify.ts';
import { syncFolder } from '@pgstow/shared/runtime/atomic-file.ts';
import { runProcess } from '@pgstow/shared/runtime/process.ts';
import { openQueue } from '@pgstow/shared/runtime/queue.ts';
import { connectRedis } from '@pgstow/shared/runtime/redis.ts';
import { startWorker, type Task } from '@pgstow/shared/runtime/worker.ts';
import { handleDump } from './handle-dump.ts';
import { reconcile } from './reconcile.ts';
import { Tell } from './tell.ts';

/** For a reconciliation that was told to end. */
const STOP_LIMIT_MS = 3000;

const subjects = { postgres, schedule, backup, s3, verify, alarms, redis: redisSubject } as const;

await runProcess('dump-worker', subjects, async ({ config, log, redact, stack, signal }) => {
  await assertFolderWritable(config.backup.folder, config.backup.folderOnHost);
  if (!(await syncFolder(config.backup.folder)))
    log.warn(`${config.backup.folder} cannot sync a folder: a power cut may take the newest backups' names with it`);
  // Every dump needs one: where there can be none, it shows now.
  await (await openPipe())[Symbol.asyncDispose]();
  const { site } = config.redis;
  const redis = stack.use(await connectRedis(config.redis.url, log));
  const uploads = stack.use(openQueue('upload', site, redis));
  const verifications = stack.use(openQueue('verify', site, redis));
  const destination = config.s3?.place;
  const tell = new Tell({
    ...config,
    destination,
    ...startNotifying({ config: config.alarms, site, redis, log, redact, stack }),
  });
  const catalog = stack.use(new Publisher({ folder: config.backup.folder, site, redis, destination, log }));
  const worker = { ...config, site, destination, redis, uploads, verifications, tell, catalog };
  if (worker.destination === undefined) log.warn('no S3_BUCKET: local backups only');
  const warning = warningOf(config.alarms, config.postgres.databases);
  if (warning !== undefined) log.warn(warning);

  const reconciled = reconcile(worker, log, signal);
  const { shutdownGraceMs: graceMs } = config.runtime;
  const { dumpEnds: onCompleted, dumpFails: onFailedForGood } = tell;
  const handle = (task: Task<'dump'>) => handleDump(task, worker);
  stack.use(startWorker({ queue: 'dump', site, redis, log, redact, graceMs, handle, onCompleted, onFailedForGood }));
  // A command to a Redis that is away would wait for it for ever.
  stack.defer(() => Promise.race([reconciled, delay(STOP_LIMIT_MS, undefined, { ref: false })]));
});
