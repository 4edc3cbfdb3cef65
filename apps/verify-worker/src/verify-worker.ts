import type { Publisher } from '@pgstow/catalog/published/publisher.ts';
import type { VerifyConfig } from '@pgstow/shared/config/verify.ts';
import type { RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import type { Log } from '@pgstow/shared/runtime/log.ts';
import type { OpenQueue } from '@pgstow/shared/runtime/queue.ts';
import type { RedisConnection } from '@pgstow/shared/runtime/redis.ts';
import type { Store } from '@pgstow/store/store.ts';

/** What jobs and reconciliation work with. */
export type VerifyWorker = {
  /** The dumps and their records. */
  readonly folder: string;
  readonly verify: VerifyConfig;
  readonly site: string;
  readonly redis: RedisConnection;
  /** By destination; none where backups stay local. */
  readonly stores: ReadonlyMap<string, Store>;
  readonly queue: OpenQueue<'verify'>;
  /** To be told of each change of the folder. */
  readonly catalog: Pick<Publisher, 'publish'>;
  readonly log: Log;
  /** Has an alarm raised or lifted by what was found. */
  readonly tell: (test: RestoreTest) => void;
};
