import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '@pgstow/shared/runtime/log/log.ts';
import { connectRedis } from '@pgstow/shared/runtime/redis/redis.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import type { BoundProcess } from '@pgstow/testing/processes/bound-process.ts';
import { startProcess } from '@pgstow/testing/processes/worker-process.ts';
import { startPostgres } from '@pgstow/testing/servers/postgres-server.ts';
import { startRedis } from '@pgstow/testing/servers/redis-server.ts';
import { createS3TestClient } from '@pgstow/testing/servers/s3-client.ts';
import { startS3 } from '@pgstow/testing/servers/s3-server.ts';
import { execa } from 'execa';

/** Bucket of the bench, emptied as it goes. */
export const BUCKET = 'pgstow-bench';

type Settings = Readonly<Record<string, string>> & { readonly BACKUP_DIR: string };

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

/**
 * Starts a private Redis and PostgreSQL on loopback, and an S3 server unless another one is given.
 *
 * @param endpoint URL of an S3 server, whose keys are `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` of this process
 */
export async function startBench(endpoint: string | undefined) {
  const stack = new AsyncDisposableStack();
  const folder = stack.use(await tempFolder('pgstow-bench-')).path;
  const redis = stack.use(await startRedis());
  const postgres = stack.use(await startPostgres({ settings: OWN_SETTINGS }));
  const s3 = endpoint === undefined ? { ...stack.use(await startS3()), isOther: false } : stack.use(otherS3(endpoint));
  // A server that was benched before has it.
  await s3.createBucket(BUCKET).catch(() => s3.listObjects(BUCKET, 'none'));
  return {
    folder,
    redis,
    postgres,
    s3,
    pgDump: join(postgres.binDir, 'pg_dump'),
    clientEnv: (database: string) => ({ ...postgres.env(database), PATH: process.env['PATH'] ?? '' }),
    /** Settings of the processes of a site, all but its databases. Its folder is there then, and its objects lie below its name. */
    async settingsOf(site: string): Promise<Settings> {
      await mkdir(join(folder, site), { recursive: true });
      return {
        POSTGRES_HOST: postgres.host,
        POSTGRES_PORT: String(postgres.port),
        POSTGRES_USER: postgres.user,
        POSTGRES_PASSWORD: postgres.password,
        REDIS_URL: redis.url,
        SITE: site,
        BACKUP_DIR: join(folder, site),
        S3_BUCKET: BUCKET,
        S3_PREFIX: site,
        S3_ENDPOINT: s3.endpoint,
        AWS_ACCESS_KEY_ID: s3.accessKeyId,
        AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
      };
    },
    async loadSample(database: string, scale: number): Promise<void> {
      await execa(
        join(postgres.binDir, 'psql'),
        ['--quiet', '--no-psqlrc', `--set=scale=${scale}`, '--file', join(import.meta.dirname, 'sample.sql')],
        { env: { ...postgres.env(database), PATH: process.env['PATH'] ?? '' }, extendEnv: false },
      );
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

function otherS3(endpoint: string) {
  const access = {
    endpoint,
    accessKeyId: process.env['AWS_ACCESS_KEY_ID'] ?? '',
    secretAccessKey: process.env['AWS_SECRET_ACCESS_KEY'] ?? '',
    region: process.env['AWS_REGION'] ?? 'us-east-1',
  };
  return { ...access, ...createS3TestClient(access), isOther: true };
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
