import { join } from 'node:path';
import { isCatalogThere } from '@pgstow/shared/runtime/redis/catalog-copy.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { makeManyDumps } from './make-many-dumps.ts';
import { median } from './measure.ts';
import { cpuSeconds } from './process-usage.ts';
import type { Section } from './section.ts';
import { BUCKET, connectQuietly, startApp, type Bench } from './start-bench.ts';

const DATABASES = 50;
const BACKUPS = 10_000;
const ROUNDS = 30;
const SITE = 'status-page';
const PASSWORD = 'bench-password';

type StatusPageTimes = {
  readonly databases: number;
  readonly backups: number;
  /** From the request to the last byte. */
  readonly medianMs: number;
  readonly slowestMs: number;
  /** The scheduler's processor time for each answer. */
  readonly cpuMs: number;
  readonly kiB: number;
  /** From the start of a worker until it has published the folder. */
  readonly publishedAfterMs: number;
};

export async function measureStatusPage(bench: Bench): Promise<Section> {
  const page = await timeStatusPage(bench);
  return {
    title: 'Status page',
    blocks: [
      `Over ${page.backups} backups of ${page.databases} databases: median ${page.medianMs.toFixed(0)} ms, slowest of ${ROUNDS} ${page.slowestMs.toFixed(0)} ms, ${page.cpuMs.toFixed(0)} ms of processor time and ${page.kiB.toFixed(0)} KiB each. A worker had published their folder ${(page.publishedAfterMs / 1000).toFixed(1)} s after its start.`,
    ],
    ratios: { 'size of the status page, of 100 kB': (page.kiB * 1.024) / 100 },
  };
}

/** Times the real scheduler's status page over a folder with 10,000 backups of 50 databases that a real worker published. */
async function timeStatusPage({
  folder: parent,
  redis,
  s3,
}: Pick<Bench, 'folder' | 'redis' | 's3'>): Promise<StatusPageTimes> {
  await using stack = new AsyncDisposableStack();
  const folder = join(parent, SITE);
  const databases = Array.from({ length: DATABASES }, (_, index) => `database_${index}`);
  const destination = { name: 's3', bucket: BUCKET, prefix: '', endpoint: s3.endpoint };
  makeManyDumps(folder, { dumps: BACKUPS, databases, tables: 1, destination });
  const connection = stack.use(await connectQuietly(redis.url));
  const env = {
    REDIS_URL: redis.url,
    SITE,
    BACKUP_DIR: folder,
    POSTGRES_HOST: '127.0.0.1',
    POSTGRES_USER: 'nobody',
    POSTGRES_DB: databases.join(','),
    S3_BUCKET: BUCKET,
    S3_ENDPOINT: s3.endpoint,
    // Nothing is due while it is timed.
    BACKUP_CRON: '0 0 1 1 *',
    BOARD_PORT: '0',
    BOARD_PASSWORD: PASSWORD,
  };
  const startedAt = performance.now();
  stack.use(await startApp('dump-worker', env));
  await eventually(() => isCatalogThere(connection, SITE), { timeoutMs: 60_000 });
  const publishedAfterMs = performance.now() - startedAt;
  const scheduler = stack.use(await startApp('scheduler', env));
  const { json } = await scheduler.waitForLine(/"url":"http/);
  await scheduler.waitForLine(/"msg":"ready"/);
  const headers = { authorization: `Basic ${Buffer.from(`admin:${PASSWORD}`).toString('base64')}` };
  const times: number[] = [];
  let bytes = 0;
  let cpuBefore = 0;
  for (let round = -3; round < ROUNDS; round += 1) {
    if (round === 0) cpuBefore = cpuSeconds(scheduler.pid);
    const askedAt = performance.now();
    const answer = await fetch(String(json?.['url']), { headers });
    bytes = (await answer.arrayBuffer()).byteLength;
    if (!answer.ok) throw new Error(`the status page answers ${answer.status}`);
    // The first rounds warm the process up.
    if (round >= 0) times.push(performance.now() - askedAt);
  }
  return {
    databases: DATABASES,
    backups: BACKUPS,
    medianMs: median(times),
    slowestMs: Math.max(...times),
    cpuMs: (1000 * (cpuSeconds(scheduler.pid) - cpuBefore)) / ROUNDS,
    kiB: bytes / 1024,
    publishedAfterMs,
  };
}
