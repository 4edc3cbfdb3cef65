import type { Publisher } from '@pgstow/catalog/published/publisher.ts';
import type { BackupConfig } from '@pgstow/shared/config/backup.ts';
import type { VerifyConfig } from '@pgstow/shared/config/verify.ts';
import type { Log } from '@pgstow/shared/runtime/log.ts';
import type { OpenQueue } from '@pgstow/shared/runtime/queue.ts';
import type { RedisConnection } from '@pgstow/shared/runtime/redis.ts';
import type { Destination } from './destination.ts';

/** What jobs and reconciliation work with. */
export type UploadContext = {
  readonly folder: string;
  /** What becomes of an adopted dump that has shrunk beyond belief. */
  readonly onShrink: BackupConfig['onShrink'];
  readonly site: string;
  readonly redis: RedisConnection;
  readonly destinations: ReadonlyMap<string, Destination>;
  /** Where restore tests are asked for. */
  readonly verifications: OpenQueue<'verify'>;
  readonly verifySchedule: VerifyConfig['schedule'];
  /** To be told of each change of the folder. */
  readonly catalog: Pick<Publisher, 'publish'>;
  readonly log: Log;
};
