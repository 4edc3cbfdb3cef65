import { setTimeout as delay } from 'node:timers/promises';
import { backup } from '@pgstow/shared/config/backup.ts';
import { postgres } from '@pgstow/shared/config/postgres.ts';
import { redis as redisSubject } from '@pgstow/shared/config/redis.ts';
import { s3 } from '@pgstow/shared/config/s3.ts';
import { schedule } from '@pgstow/shared/config/schedule.ts';
import { verify } from '@pgstow/shared/config/verify.ts';
import { runProcess } from '@pgstow/shared/runtime/process.ts';
import { openQueue } from '@pgstow/shared/runtime/queue.ts';
import { connectRedis } from '@pgstow/shared/runtime/redis.ts';
import { startWorker } from '@pgstow/shared/runtime/worker.ts';
import { assertFolderWritable } from '@pgstow/catalog/backup-folder.ts';
import { openPipe } from '@pgstow/postgres/open-pipe.ts';
import { handleDump } from './handle-dump.ts';
import { reconcile } from './reconcile.ts';

/** For a reconciliation that was told to end. */
const STOP_LIMIT_MS = 3000;

const subjects = { postgres, schedule, backup, s3, verify, redis: redisSubject } as const;

await runProcess('dump-worker', subjects, async ({ config, log, redact, stack, signal }) => {
  await assertFolderWritable(config.backup.folder, config.backup.folderOnHost);
  // Every dump needs one: where there can be none, it shows now.
  await (await openPipe())[Symbol.asyncDispose]();
  const { site } = config.redis;
  const redis = stack.use(await connectRedis(config.redis.url, log));
  const uploads = stack.use(openQueue('upload', site, redis));
  const verifications = stack.use(openQueue('verify', site, redis));
  const worker = { ...config, site, destination: config.s3?.place, redis, uploads, verifications };
  if (worker.destination === undefined) log.warn('no S3_BUCKET: local backups only');

  const reconciled = reconcile(worker, log, signal);
  const { shutdownGraceMs: graceMs } = config.runtime;
  stack.use(
    startWorker({ queue: 'dump', site, redis, log, redact, graceMs, handle: (task) => handleDump(task, worker) }),
  );
  // A command to a Redis that is away would wait for it for ever.
  stack.defer(() => Promise.race([reconciled, delay(STOP_LIMIT_MS, undefined, { ref: false })]));
});
