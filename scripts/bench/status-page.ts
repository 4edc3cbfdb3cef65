import { readFileSync } from 'node:fs';
import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatBackupName } from '@pgstow/shared/contract/backup-name.ts';
import { manifestFileName, type Manifest } from '@pgstow/shared/contract/manifest.ts';
import { receiptFileName, type Receipt } from '@pgstow/shared/contract/receipt.ts';
import { isCatalogThere } from '@pgstow/shared/runtime/redis/catalog-copy.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { median } from './measure.ts';
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
  await mkdir(folder);
  const databases = Array.from({ length: DATABASES }, (_, index) => `database_${index}`);
  for (const database of databases) await fillFolder(folder, database, BACKUPS / DATABASES, s3.endpoint);
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
    if (round === 0) cpuBefore = cpuMs(scheduler.pid);
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
    cpuMs: (cpuMs(scheduler.pid) - cpuBefore) / ROUNDS,
    kiB: bytes / 1024,
    publishedAfterMs,
  };
}

/** Processor time of a process, all its threads, which Linux counts in ticks of 10 ms. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Writes confirmed backups of each of the last days. Their files take no room. */
async function fillFolder(folder: string, database: string, count: number, endpoint: string): Promise<void> {
  // In the workers' format, but without a sync of each file.
  const writeJson = (file: string, record: Manifest | Receipt) =>
    writeFile(join(folder, file), JSON.stringify(record, undefined, 2));
  for (let day = 0; day < count; day += 1) {
    const takenAt = new Date(Date.now() - day * 86_400_000);
    const name = formatBackupName(database, takenAt);
    const facts = { version: 1, name, bytes: 4_000_000 + day, sha256: 'a'.repeat(64) } as const;
    await writeFile(join(folder, name), '');
    await truncate(join(folder, name), facts.bytes);
    const time = takenAt.toISOString();
    await writeJson(manifestFileName(name), {
      ...facts,
      database,
      takenAt: time,
      recordedAt: time,
      origin: 'dumped',
      sqlBytes: 4 * facts.bytes,
      tables: { 'public.a': 1000 },
      durationMs: 1500,
    });
    await writeJson(receiptFileName(name, 's3'), {
      ...facts,
      endpoint,
      destination: 's3',
      bucket: BUCKET,
      key: name,
      confirmedBy: 'etag',
      confirmedAt: time,
    });
  }
}
