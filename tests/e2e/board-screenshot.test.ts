import { copyFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { formatBackupName, type BackupName } from '@pgstow/shared/contract/backup-name.ts';
import { uploadJobId, type JobData } from '@pgstow/shared/contract/jobs.ts';
import { createLog } from '@pgstow/shared/runtime/log.ts';
import { enqueueUpload, openQueue, queuePrefix } from '@pgstow/shared/runtime/queue.ts';
import { connectRedis } from '@pgstow/shared/runtime/redis.ts';
import { hasRedis } from '@pgstow/testing/capabilities.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { findProgram } from '@pgstow/testing/find-program.ts';
import { startRedis } from '@pgstow/testing/redis-server.ts';
import { tempFolder } from '@pgstow/testing/temp-folder.ts';
import { UnrecoverableError, Worker, type Job } from 'bullmq';
import { chromium } from 'playwright-core';
import { expect, test } from 'vitest';
import { BOARD_PASSWORD, BOARD_USER, startScheduler } from './start-scheduler.ts';

const PICTURE = fileURLToPath(new URL('../../docs/board.png', import.meta.url));
const FLAGS =
  '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';

const program = findProgram('chromium');
const missing =
  program === undefined ? 'chromium is not on PATH' : hasRedis() ? undefined : 'redis-server is not there';

test(`a person sees the uploads and retries a failed one${missing === undefined ? '' : ` (skipped: ${missing})`}`, async ({
  skip,
}) => {
  if (missing !== undefined) skip(missing);
  await using server = await startRedis();
  await using redis = await connectRedis(server.url, createLog('test', 'fatal', String));
  await using uploads = openQueue('upload', 'default', redis);
  await using scheduler = await startScheduler({ REDIS_URL: server.url, POSTGRES_DB: 'shop,crm' });
  const now = Date.now();
  const [fine, refused, waiting] = [nameOf('shop', now - 65_000), nameOf('crm', now - 52_000), nameOf('shop', now)];
  const connection = { url: server.url, maxRetriesPerRequest: null };
  const prefix = queuePrefix('default');
  const settings = { backoffStrategy: () => 18 * 60_000 };

  const dumper = new Worker<JobData<'dump'>>('dump', (job) => dump(job), {
    connection,
    prefix,
    settings,
    name: 'paris',
  });
  const uploader = new Worker<JobData<'upload'>>('upload', (job) => upload(job, { refused, waiting }), {
    connection,
    prefix,
    settings,
    name: 'paris',
  });
  await using stack = new AsyncDisposableStack();
  for (const worker of [dumper, uploader]) {
    worker.on('error', () => undefined);
    stack.defer(() => worker.close());
  }
  for (const name of [fine, refused, waiting]) await enqueueUpload(uploads, name, 's3');
  const stateOf = (name: BackupName) => uploads.getJobState(uploadJobId(name, 's3'));
  await eventually(async () => (await stateOf(fine)) === 'completed' && (await stateOf(refused)) === 'failed');
  await eventually(async () => (await stateOf(waiting)) === 'delayed');

  const browser = stack.adopt(
    await chromium.launch({ executablePath: program ?? '', args: FLAGS.split(' ') }),
    (browser) => browser.close(),
  );
  const page = await browser.newPage({
    viewport: { width: 1600, height: 1310 },
    deviceScaleFactor: 0.8,
    colorScheme: 'light',
    httpCredentials: { username: BOARD_USER, password: BOARD_PASSWORD },
  });
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  await page.goto(`${scheduler.base}/queues/queue/upload`);
  for (const name of [fine, refused, waiting]) await page.getByText(uploadJobId(name, 's3')).first().waitFor();

  await using folder = await tempFolder('pgstow-board-');
  // The pages fade in.
  await page.evaluate('Promise.all(document.getAnimations().map((animation) => animation.finished))');
  const picture = join(folder.path, 'board.png');
  await page.screenshot({ path: picture });
  expect((await stat(picture)).size).toBeGreaterThan(20_000);
  if (process.env['PGSTOW_UPDATE_SCREENSHOTS'] === '1') await copyFile(picture, PICTURE);

  await uploader.pause();
  await page.goto(`${scheduler.base}/queues/queue/upload?status=failed`);
  await page.getByText(uploadJobId(refused, 's3')).first().waitFor();
  // The first such button retries all jobs, the last one this job; neither has a name.
  await page.locator('button:has(.lucide-refresh-cw)').last().click();
  await page.getByRole('button', { name: 'Confirm' }).click();
  await eventually(async () => (await stateOf(refused)) === 'waiting');
  await page.getByText(uploadJobId(refused, 's3')).first().waitFor({ state: 'detached' });
  expect(faults).toEqual([]);
});

function nameOf(database: string, takenAtMs: number): BackupName {
  return formatBackupName(database, new Date(takenAtMs));
}

async function dump(job: Job<JobData<'dump'>>): Promise<unknown> {
  const name = nameOf(job.data.target, Date.now());
  await job.log(`${new Date().toISOString()} dump of ${job.data.target} with pg_dump 18.1`);
  await job.updateProgress(100);
  return { name, bytes: 84_713_902, destinations: ['s3'] };
}

async function upload(
  job: Job<JobData<'upload'>>,
  { refused, waiting }: { readonly refused: BackupName; readonly waiting: BackupName },
): Promise<unknown> {
  const { name } = job.data;
  await job.log(`${new Date().toISOString()} upload of ${name} to bucket backups begins, 84.7 MB in 17 parts`);
  if (name === refused) {
    throw withoutStack(
      new UnrecoverableError('no such bucket: backups\nhint: Create the bucket or correct S3_BUCKET.'),
    );
  }
  await job.updateProgress(name === waiting ? 41 : 60);
  // A picture of an upload that took no time would look odd.
  await delay(1200);
  if (name === waiting) throw withoutStack(new Error('the store answered 503 SlowDown to part 7 of 17'));
  await job.updateProgress(100);
  await job.log(`${new Date().toISOString()} confirmed by the store: checksum and size are those of the manifest`);
  return { bucket: 'backups', key: `postgres/${name}`, bytes: 84_713_902, seconds: 1.2, confirmedBy: 'checksum' };
}

function withoutStack(error: Error): Error {
  error.stack = `${error.name}: ${error.message}`;
  return error;
}
