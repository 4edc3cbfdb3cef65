import type { BackupConfig } from '@pgstow/shared/config/subjects/backup.ts';
import type { RedisConfig } from '@pgstow/shared/config/subjects/redis.ts';
import type { S3Config } from '@pgstow/shared/config/subjects/s3.ts';
import type { VerifyConfig } from '@pgstow/shared/config/subjects/verify.ts';
import { scopeOf } from '@pgstow/shared/contract/scope.ts';
import type { Log } from '@pgstow/shared/runtime/log/log.ts';
import { connectRedis, type RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import { Records } from '../folder/records.ts';
import { Publisher } from './publisher.ts';

/** The part of a worker's context of one server that all workers have: the folder, Redis, and the folder's copy there. */
export type WorkerContext = {
  readonly backup: BackupConfig;
  readonly verify: VerifyConfig;
  readonly site: string;
  /** `undefined`: that of stack.env. */
  readonly server: string | undefined;
  /** The part of Redis that holds what is kept about the server. */
  readonly scope: string;
  readonly redis: RedisConnection;
  /** Records of the backup folder, as the process remembers them. */
  readonly records: Records;
  readonly catalog: Pick<Publisher, 'publish'>;
  readonly log: Log;
};

type WorkerProcess = {
  readonly config: {
    readonly backup: BackupConfig;
    readonly verify: VerifyConfig;
    readonly redis: RedisConfig;
    readonly s3: S3Config | undefined;
  };
  readonly log: Log;
  readonly stack: AsyncDisposableStack;
};

/** Connects to Redis and begins to publish the folder; `stack` ends both. @throws RetryableError if Redis does not answer */
export async function openWorkerContext({ config, log, stack }: WorkerProcess): Promise<WorkerContext> {
  const { backup, verify, s3 } = config;
  const { url, site } = config.redis;
  const redis = stack.use(await connectRedis(url, log));
  const server = undefined;
  const scope = scopeOf(site, server);
  const records = new Records(backup.folder);
  const catalog = stack.use(new Publisher({ records, scope, redis, destination: s3?.destination, log }));
  return { backup, verify, site, server, scope, redis, records, catalog, log };
}
