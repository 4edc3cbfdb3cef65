import type { Log } from '@pgstow/shared/runtime/log.ts';
import type { RedisConnection } from '@pgstow/shared/runtime/redis.ts';
import type { Destination } from './destination.ts';

/** What jobs and reconciliation work with. */
export type UploadContext = {
  readonly folder: string;
  readonly site: string;
  readonly redis: RedisConnection;
  readonly destinations: ReadonlyMap<string, Destination>;
  readonly log: Log;
};
