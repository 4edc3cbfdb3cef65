import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { unprivilegedUser } from '@pgstow/testing/machine/system-user.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import type { BoundProcess } from '@pgstow/testing/processes/bound-process.ts';
import { connectQuietly, failIfEnded, startApp, type Bench } from './start-bench.ts';

const DATABASES = ['idle_1', 'idle_2', 'idle_3'];
let runs = 0;
/** By then a process has given back what it does not need: see give-memory-back.ts. */
const REST_MS = 40_000;

export type IdleProcess = {
  readonly app: string;
  readonly residentMiB: number;
  /** The same, with what several processes share, such as Node's own program, counted once among them. */
  readonly proportionalMiB: number;
  readonly peakMiB: number;
};

/**
 * Starts the four processes of a stack, and measures them at rest after the first cycle of three small databases. Call it again for
 * figures with Node's compile cache filled.
 */
export async function measureIdleStack(bench: Bench): Promise<readonly IdleProcess[]> {
  await using stack = new AsyncDisposableStack();
  const { postgres, redis, s3 } = bench;
  runs += 1;
  const site = `idle${runs}`;
  const folder = join(bench.folder, site);
  await mkdir(folder, { recursive: true });
  for (const database of runs === 1 ? DATABASES : []) {
    await postgres.createDatabase(database);
    await postgres.psql(
      database,
      'create table item (id int primary key, name text); insert into item select i, repeat(md5(i::text), 4) from generate_series(1, 10000) i',
    );
  }
  const { path } = stack.use(await tempFolder('pgstow-bench-scratch-', unprivilegedUser()));
  const env = {
    POSTGRES_HOST: postgres.host,
    POSTGRES_PORT: String(postgres.port),
    POSTGRES_USER: postgres.user,
    POSTGRES_PASSWORD: postgres.password,
    POSTGRES_DB: DATABASES.join(','),
    REDIS_URL: redis.url,
    SITE: site,
    S3_PREFIX: site,
    BACKUP_DIR: folder,
    BOARD_PORT: '0',
    BOARD_PASSWORD: 'bench-password',
    VERIFY_DIR: path,
    S3_BUCKET: 'pgstow-bench',
    S3_ENDPOINT: s3.endpoint,
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
  };
  const connection = stack.use(await connectQuietly(redis.url));
  const tests = stack.use(openQueue('verify', site, connection));
  const started: { readonly app: string; readonly running: BoundProcess }[] = [];
  for (const app of ['scheduler', 'dump-worker', 'upload-worker', 'verify-worker'])
    started.push({ app, running: stack.use(await startApp(app, env)) });
  const ended = failIfEnded(...started.map(({ running }) => running));
  ended.catch(() => undefined);
  const allTested = eventually(async () => (await tests.getCompletedCount()) === DATABASES.length || undefined);
  await Promise.race([allTested, ended]);
  await delay(REST_MS);
  return started.map(({ app, running: { pid } }) => {
    const mib = (file: string, field: string): number =>
      Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/${file}`, 'utf8'))?.[1]) / 1024;
    return {
      app,
      residentMiB: mib('smaps_rollup', 'Rss'),
      proportionalMiB: mib('smaps_rollup', 'Pss'),
      peakMiB: mib('status', 'VmHWM'),
    };
  });
}
