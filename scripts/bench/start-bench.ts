import { join } from 'node:path';
import { startPostgres } from '@pgstow/testing/postgres-server.ts';
import { startRedis } from '@pgstow/testing/redis-server.ts';
import { startS3 } from '@pgstow/testing/s3-server.ts';
import { tempFolder } from '@pgstow/testing/temp-folder.ts';
import { execa } from 'execa';

export type Bench = Awaited<ReturnType<typeof startBench>>;

/**
 * PostgreSQL's own, in place of those that tests run with: with wal_level=minimal, what one transaction makes and fills goes into
 * no WAL, which would flatter a restore in one transaction.
 */
const OWN_SETTINGS = {
  fsync: 'on',
  full_page_writes: 'on',
  wal_level: 'replica',
  max_wal_senders: '10',
  max_wal_size: '1GB',
} as const;

/** A private Redis, PostgreSQL and S3 server, all on loopback and gone afterwards. */
export async function startBench() {
  const stack = new AsyncDisposableStack();
  const folder = stack.use(await tempFolder('pgstow-bench-')).path;
  const redis = stack.use(await startRedis());
  const postgres = stack.use(await startPostgres({ settings: OWN_SETTINGS }));
  const s3 = stack.use(await startS3({ buckets: ['pgstow-bench'] }));
  return {
    folder,
    redis,
    postgres,
    s3,
    postgresClient: {
      pgDump: join(postgres.binDir, 'pg_dump'),
      env: { ...postgres.env('bench'), PATH: process.env['PATH'] ?? '' },
    },
    async loadSample(database: string, scale: number): Promise<void> {
      await postgres.createDatabase(database);
      await execa(
        join(postgres.binDir, 'psql'),
        ['--quiet', '--no-psqlrc', `--set=scale=${scale}`, '--file', join(import.meta.dirname, 'sample.sql')],
        { env: { ...postgres.env(database), PATH: process.env['PATH'] ?? '' }, extendEnv: false },
      );
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
