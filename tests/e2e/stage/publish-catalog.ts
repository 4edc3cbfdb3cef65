import { formatBackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { PublishedCatalog, PublishedDump } from '@pgstow/shared/contract/published-catalog.ts';
import { drawTicket, putCatalog } from '@pgstow/shared/runtime/redis/catalog-copy.ts';
import type { RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';

const HOUR_MS = 3_600_000;
export const hoursAgo = (hours: number): Date => new Date(Date.now() - hours * HOUR_MS);

/** The bucket of the receipts: processes that are to count them have it as S3_BUCKET. */
export const PUBLISHED_BUCKET = 'mine';

export type DumpFacts = {
  readonly takenAt: Date;
  /** Whether `PUBLISHED_BUCKET` has confirmed it; yes unless given. */
  readonly uploaded?: boolean;
  readonly test?: PublishedDump['restoreTests'][number]['result'];
  readonly bytes?: number;
  readonly suspect?: boolean;
};

/** A dump as workers publish it. */
export function publishedDump(
  database: string,
  { takenAt, uploaded = true, test, bytes = 4_200_000, suspect = false }: DumpFacts,
): PublishedDump {
  const name = formatBackupName(database, takenAt);
  const later = (minutes: number): string => new Date(takenAt.getTime() + minutes * 60_000).toISOString();
  return {
    name,
    takenAt: takenAt.toISOString(),
    recordedAt: later(1),
    origin: 'dumped',
    bytes,
    sha256: 'a'.repeat(64),
    sqlBytes: bytes * 4,
    rows: 12_345,
    durationMs: 61_000,
    ...(suspect ? { suspect: { percent: 12, usualSqlBytes: 140_000_000 } } : {}),
    receipts: uploaded ? [{ destination: 's3', bucket: PUBLISHED_BUCKET, key: name, confirmedAt: later(2) }] : [],
    restoreTests:
      test === undefined
        ? []
        : [
            {
              destination: 's3',
              result: test,
              testedAt: later(5),
              restoreMs: 9000,
              ...(test === 'good' ? {} : { reason: 'public.orders has 1 row, not 2' }),
            },
          ],
  };
}

export function publishedCatalog(
  databases: Readonly<Record<string, readonly DumpFacts[]>>,
  changes: Partial<PublishedCatalog['databases'][number]> = {},
): PublishedCatalog {
  return {
    version: 1,
    publishedAt: new Date().toISOString(),
    databases: Object.entries(databases).map(([database, facts]) => {
      const dumps = facts
        .map((each) => publishedDump(database, each))
        .sort((a, b) => Date.parse(a.takenAt) - Date.parse(b.takenAt));
      const bytes = dumps.reduce((sum, dump) => sum + dump.bytes, 0);
      const waiting = dumps.filter(({ receipts }) => receipts.length === 0);
      return {
        database,
        dumps: dumps.slice(-50),
        count: dumps.length,
        bytes,
        uploaded: [{ destination: 's3', count: dumps.length - waiting.length, bytes }],
        notUploaded: {
          count: waiting.length,
          ...(waiting[0] === undefined ? {} : { oldestRecordedAt: waiting[0].recordedAt }),
        },
        ...changes,
      };
    }),
    folder: { freeBytes: 42e9, totalBytes: 100e9, strays: 0, faults: [], faultCount: 0 },
  };
}

/** Publishes a catalog in a worker's place. */
export async function publish(redis: RedisConnection, site: string, catalog: PublishedCatalog): Promise<void> {
  await putCatalog(redis, site, await drawTicket(redis, site), catalog);
}
