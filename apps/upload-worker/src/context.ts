import { Records } from '@pgstow/catalog/folder/records.ts';
import { Publisher } from '@pgstow/catalog/published/publisher.ts';
import { startNotifying } from '@pgstow/notify/start-notifying.ts';
import { subjects as all } from '@pgstow/shared/config/subjects.ts';
import type { BackupConfig } from '@pgstow/shared/config/subjects/backup.ts';
import type { VerifyConfig } from '@pgstow/shared/config/subjects/verify.ts';
import { openQueue, type OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import type { Log } from '@pgstow/shared/runtime/log/log.ts';
import type { ProcessContext } from '@pgstow/shared/runtime/process.ts';
import { connectRedis, type RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import { Notifier } from './notifier.ts';
import { openDestinations, type UploadDestination } from './upload-destination.ts';

const { backup, s3, verify, alarms, redis } = all;
export const subjects = { backup, s3, verify, alarms, redis };

/** Everything that jobs and reconciliation use. */
export type UploadContext = {
  readonly backup: BackupConfig;
  readonly verify: VerifyConfig;
  readonly site: string;
  readonly redis: RedisConnection;
  /** Those of the backup folder, as the process remembers them. */
  readonly records: Records;
  /** Destinations by name; none where backups stay local. */
  readonly destinations: ReadonlyMap<string, UploadDestination>;
  readonly uploads: OpenQueue<'upload'>;
  readonly verifications: OpenQueue<'verify'>;
  readonly catalog: Pick<Publisher, 'publish'>;
  readonly notifier: Notifier;
  readonly log: Log;
};

/** Opens what the process works with; `stack` closes it. */
export async function openContext({
  config,
  log,
  redact,
  stack,
}: ProcessContext<typeof subjects>): Promise<UploadContext> {
  const { url, site } = config.redis;
  const redis = stack.use(await connectRedis(url, log));
  const records = new Records(config.backup.folder);
  const notifying = startNotifying({ config: config.alarms, site, redis, log, redact, stack });
  const opened = {
    ...config,
    site,
    redis,
    records,
    log,
    destinations: openDestinations(config.s3, log, stack),
    uploads: stack.use(openQueue('upload', site, redis)),
    verifications: stack.use(openQueue('verify', site, redis)),
    catalog: stack.use(new Publisher({ records, site, redis, destination: config.s3?.destination, log })),
  };
  return { ...opened, notifier: new Notifier({ ...opened, ...notifying }) };
}
