import type { AskedDatabases } from '@pgstow/shared/config/subjects/postgres.ts';
import type { Schedule } from '@pgstow/shared/config/subjects/schedule.ts';
import type { VerifyConfig } from '@pgstow/shared/config/subjects/verify.ts';
import type { Destination } from '@pgstow/shared/contract/destination.ts';
import type { QueueName } from '@pgstow/shared/contract/jobs.ts';
import type { OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import type { CatalogReader } from '@pgstow/shared/runtime/redis/catalog-copy.ts';
import type { RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import type { WatchedSchedules } from '../schedules/watch-schedules.ts';

export type Queues = { readonly [Q in QueueName]: OpenQueue<Q> };

/** One server of the site, as its scheduler knows it without Redis. */
export type ServedServer = {
  /** `undefined`: that of stack.env. */
  readonly server: string | undefined;
  /** The part of Redis that holds what is kept about it. */
  readonly scope: string;
  /** The databases that the settings ask for. Which targets there are now, `SiteFacts` say. */
  readonly asked: AskedDatabases;
  readonly schedule: Schedule;
  /** The destinations that are to confirm dumps; empty where backups stay local. */
  readonly destinations: readonly Destination[];
  readonly restoreTests: VerifyConfig['schedule'];
  /** Reads what the workers published. */
  readonly catalog: Pick<CatalogReader, 'read'>;
  /** The site's queues, for jobs of this server. */
  readonly queues: Queues;
  readonly schedules: Pick<WatchedSchedules, 'fault'>;
};

/** The site as its scheduler knows it without Redis. */
export type Site = {
  readonly name: string;
  readonly redis: RedisConnection;
  readonly queues: Queues;
  readonly startedAt: Date;
  /** The servers now: TARGETS_FILE may change. */
  readonly servers: () => readonly ServedServer[];
  /** Why TARGETS_FILE has not taken effect; `undefined`: it has. */
  readonly targetsFault: () => string | undefined;
};
