import { join } from 'node:path';
import type { Log } from '@pgstow/shared/runtime/log/log.ts';
import { connectRedis } from '@pgstow/shared/runtime/redis/redis.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import type { BoundProcess } from '@pgstow/testing/processes/bound-process.ts';
import { startProcess } from '@pgstow/testing/processes/worker-process.ts';
import { startPostgres } from '@pgstow/testing/servers/postgres-server.ts';
import { startRedis } from '@pgstow/testing/servers/redis-server.ts';
import { startS3 } from '@pgstow/testing/servers/s3-server.ts';
import { execa } from 'execa';

export type Bench = Awaited<ReturnType<typeof startBench>>;

/**
 * PostgreSQL's default settings, instead of those for tests: with wal_level=minimal, a table that one transaction creates and fills
 * goes into no WAL, which would flatter a restore in one transaction.
 */
const OWN_SETTINGS = {
  fsync: 'on',
  full_page_writes: 'on',
  wal_level: 'replica',
  max_wal_senders: '10',
  max_wal_size: '1GB',
} as const;

/** Starts a private Redis, PostgreSQL and S3 server on loopback. */
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

const silent = { warn: () => undefined } as unknown as Log;

export const connectQuietly = (redisUrl: string) => connectRedis(redisUrl, silent);

/** Starts one of the apps in this environment alone. */
export function startApp(app: string, env: Readonly<Record<string, string>>): Promise<BoundProcess> {
  return startProcess({ script: join(import.meta.dirname, `../../apps/${app}/src/main.ts`), env });
}

/** Rejects once one of the workers ends: a wait for its job would not end. */
export async function failIfEnded(...workers: readonly BoundProcess[]): Promise<never> {
  const ended = await Promise.race(workers.map((worker) => worker.exited.then(() => worker)));
  throw new Error(`a worker ended:\n${ended.tail}`);
}
