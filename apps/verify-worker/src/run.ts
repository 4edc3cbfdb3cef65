import { assertFolderWritable } from '@pgstow/catalog/folder/backup-folder.ts';
import { Publisher } from '@pgstow/catalog/published/publisher.ts';
import { startNotifying } from '@pgstow/notify/start-notifying.ts';
import { assertScratchRoot } from '@pgstow/scratch/assert-scratch-root.ts';
import { alarms } from '@pgstow/shared/config/alarms.ts';
import { backup } from '@pgstow/shared/config/backup.ts';
import { redis as redisSubject } from '@pgstow/shared/config/redis.ts';
import { s3 } from '@pgstow/shared/config/s3.ts';
import { verify } from '@pgstow/shared/config/verify.ts';
import { runProcess } from '@pgstow/shared/runtime/process.ts';
import { openQueue } from '@pgstow/shared/runtime/queue.ts';
import { connectRedis } from '@pgstow/shared/runtime/redis.ts';
import { startWorker } from '@pgstow/shared/runtime/worker.ts';
import { S3Store } from '@pgstow/store/s3/s3-store.ts';
import type { Store } from '@pgstow/store/store.ts';
import { handleVerify } from './handle-verify.ts';
import { startReconciliation } from './reconcile.ts';
import { tell, tellFailure } from './tell.ts';
import type { VerifyWorker } from './verify-worker.ts';

await runProcess('verify-worker', { backup, s3, verify, alarms, redis: redisSubject }, async (process) => {
  const { config, log, redact, stack } = process;
  await assertFolderWritable(config.backup.folder, config.backup.folderOnHost);
  await assertScratchRoot(config.verify.folder);
  const { url, site } = config.redis;
  const redis = stack.use(await connectRedis(url, log));
  const stores = new Map<string, Store>();
  if (config.s3 !== undefined)
    stores.set(config.s3.place.name, stack.use(new S3Store(config.s3, (_extra, sentence) => log.warn(sentence))));
  const queue = stack.use(openQueue('verify', site, redis));
  const { folder } = config.backup;
  const catalog = stack.use(new Publisher({ folder, site, redis, destination: config.s3?.place, log }));
  const telling = startNotifying({ config: config.alarms, site, redis, log, redact, stack });
  const tellOptions = { ...telling, folder, destination: config.s3?.place };
  const worker: VerifyWorker = {
    folder,
    verify: config.verify,
    site,
    redis,
    stores,
    queue,
    catalog,
    log,
    tell: tell.bind(undefined, tellOptions),
  };

  const graceMs = config.runtime.shutdownGraceMs;
  const handle = handleVerify.bind(undefined, worker);
  const onFailedForGood = tellFailure.bind(undefined, tellOptions);
  stack.use(startWorker({ queue: 'verify', site, redis, log, redact, graceMs, handle, onFailedForGood }));
  stack.use(startReconciliation(worker));
});
