import type { Publisher } from '@pgstow/catalog/published/publisher.ts';
import type { BackupConfig } from '@pgstow/shared/config/backup.ts';
import type { PostgresConfig } from '@pgstow/shared/config/postgres.ts';
import type { Schedule } from '@pgstow/shared/config/schedule.ts';
import type { VerifyConfig } from '@pgstow/shared/config/verify.ts';
import type { DestinationPlace } from '@pgstow/shared/contract/receipt.ts';
import type { OpenQueue } from '@pgstow/shared/runtime/queue.ts';
import type { RedisConnection } from '@pgstow/shared/runtime/redis.ts';
import type { Tell } from './tell.ts';

/** What every step of the dump worker works with. */
export type DumpWorker = {
  readonly postgres: PostgresConfig;
  readonly schedule: Schedule;
  readonly backup: BackupConfig;
  readonly verify: VerifyConfig;
  readonly destination: DestinationPlace | undefined;
  readonly site: string;
  readonly redis: RedisConnection;
  readonly uploads: OpenQueue<'upload'>;
  /** Where restore tests are asked for. */
  readonly verifications: OpenQueue<'verify'>;
  /** To be told of each change of the folder. */
  readonly catalog: Pick<Publisher, 'publish'>;
  readonly tell: Pick<Tell, 'dumpBegins' | 'newestIs' | 'sizeIs' | 'pruned'>;
};
