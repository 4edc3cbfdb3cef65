import { Records } from '@pgstow/catalog/folder/records.ts';
import { Publisher } from '@pgstow/catalog/published/publisher.ts';
import { startNotifying } from '@pgstow/notify/start-notifying.ts';
import { subjects as all } from '@pgstow/shared/config/subjects.ts';
import type { BackupConfig } from '@pgstow/shared/config/subjects/backup.ts';
import type { VerifyConfig } from '@pgstow/shared/config/subjects/verify.ts';
import type { Destination } from '@pgstow/shared/contract/destination.ts';
import { openQueue, type OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import type { Log } from '@pgstow/shared/runtime/log/log.ts';
import type { ProcessContext } from '@pgstow/shared/runtime/process.ts';
import { connectRedis, type RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import { S3Store } from '@pgstow/store/s3/s3-store.ts';
import type { Store } from '@pgstow/store/store.ts';
import { Notifier } from './notifier.ts';

const { backup, s3, verify, alarms, redis } = all;
export const subjects = { backup, s3, verify, alarms, redis };

/** A destination, and how to read there. */
export type VerifyDestination = Destination & { readonly store: Store };

/** Everything that jobs and reconciliation use. */
export type VerifyContext = {
  readonly backup: BackupConfig;
  readonly verify: VerifyConfig;
  readonly site: string;
  readonly redis: RedisConnection;
  /** Those of the backup folder, as the process remembers them. */
  readonly records: Records;
  /** Destinations by name; none where backups stay local. */
  readonly destinations: ReadonlyMap<string, VerifyDestination>;
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
}: ProcessContext<typeof subjects>): Promise<VerifyContext> {
  const { s3 } = config;
  const { url, site } = config.redis;
  const redis = stack.use(await connectRedis(url, log));
  const records = new Records(config.backup.folder);
  const notifying = startNotifying({ config: config.alarms, site, redis, log, redact, stack });
  const store = s3 && stack.use(new S3Store(s3, (_extra, sentence) => log.warn(sentence)));
  const opened = {
    ...config,
    site,
    redis,
    records,
    log,
    destinations: new Map(store === undefined ? [] : [[store.destination.name, { ...store.destination, store }]]),
    verifications: stack.use(openQueue('verify', site, redis)),
    catalog: stack.use(new Publisher({ records, site, redis, destination: s3?.destination, log })),
  };
  return { ...opened, notifier: new Notifier({ ...opened, ...notifying }) };
}
