import type { AskedDatabases } from '@pgstow/shared/config/subjects/postgres.ts';
import type { Schedule } from '@pgstow/shared/config/subjects/schedule.ts';
import type { VerifyConfig } from '@pgstow/shared/config/subjects/verify.ts';
import type { Destination } from '@pgstow/shared/contract/destination.ts';
import type { QueueName } from '@pgstow/shared/contract/jobs.ts';
import type { OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import type { CatalogReader } from '@pgstow/shared/runtime/redis/catalog-copy.ts';
import type { RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import type { WatchedSchedules } from '../schedules/watch-schedules.ts';

/** The site as its scheduler knows it without Redis. */
export type Site = {
  readonly name: string;
  /** The databases that the settings ask for. Which targets there are now, `SiteFacts` say. */
  readonly asked: AskedDatabases;
  readonly schedule: Schedule;
  /** The destinations that are to confirm dumps; empty where backups stay local. */
  readonly destinations: readonly Destination[];
  readonly restoreTests: VerifyConfig['schedule'];
  readonly redis: RedisConnection;
  /** Reads what the workers published. */
  readonly catalog: Pick<CatalogReader, 'read'>;
  readonly queues: { readonly [Q in QueueName]: OpenQueue<Q> };
  readonly schedules: Pick<WatchedSchedules, 'fault'>;
  readonly startedAt: Date;
};
