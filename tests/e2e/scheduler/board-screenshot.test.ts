import { copyFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findDump } from '@pgstow/catalog/folder/read-folder.ts';
import { uploadJobId } from '@pgstow/shared/contract/jobs.ts';
import { createLog } from '@pgstow/shared/runtime/log.ts';
import { openQueue } from '@pgstow/shared/runtime/queue.ts';
import { connectRedis } from '@pgstow/shared/runtime/redis.ts';
import { hasPostgres, hasRedis } from '@pgstow/testing/capabilities.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { startFaultProxy } from '@pgstow/testing/fault-proxy.ts';
import { findProgram } from '@pgstow/testing/find-program.ts';
import { startPostgres, type PostgresServer } from '@pgstow/testing/postgres-server.ts';
import { startRedis } from '@pgstow/testing/redis-server.ts';
import { startS3 } from '@pgstow/testing/s3-server.ts';
import { tempFolder } from '@pgstow/testing/temp-folder.ts';
import { startProcess } from '@pgstow/testing/worker-process.ts';
import { chromium } from 'playwright-core';
import { expect, test } from 'vitest';
import { goTo } from '../stage/go-to.ts';
import { DUMP_WORKER, lockTable, noiseTable } from '../stage/start-dump-worker.ts';
import { BOARD_PASSWORD, BOARD_USER, startScheduler } from '../stage/start-scheduler.ts';
import { BUCKET } from '../stage/upload-stage.ts';

const PICTURE = fileURLToPath(new URL('../../../docs/board.png', import.meta.url));
const UPLOAD_WORKER = fileURLToPath(new URL('../../../apps/upload-worker/src/main.ts', import.meta.url));
const ENQUEUE_DUMP = fileURLToPath(new URL('../../../scripts/enqueue-dump.ts', import.meta.url));
const PREFIX = 'postgres/';
const FLAGS =
  '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';
/** As AWS says it. */
const SLOW_DOWN =
  '<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>';

const program = findProgram('chromium');
const missing =
  program === undefined
    ? 'chromium is not on PATH'
    : !hasRedis()
      ? 'redis-server is not there'
      : hasPostgres()
        ? undefined
        : 'PostgreSQL is not there';

test(`a person sees the uploads and retries a failed one${missing === undefined ? '' : ` (skipped: ${missing})`}`, async ({
  skip,
}) => {
  if (missing !== undefined) skip(missing);
  await using stack = new AsyncDisposableStack();
  const [server, postgres, s3, browser, { path: folder }, { path: pictures }] = await Promise.all([
    startRedis().then((it) => stack.use(it)),
    startPostgres().then((it) => stack.use(it)),
    startS3().then((it) => stack.use(it)),
    chromium
      .launch({ executablePath: program ?? '', args: FLAGS.split(' ') })
      .then((it) => stack.adopt(it, () => it.close())),
    tempFolder('pgstow-backups-').then((it) => stack.use(it)),
    tempFolder('pgstow-board-').then((it) => stack.use(it)),
  ]);
  await using proxy = await startFaultProxy({ targetPort: s3.port });
  await Promise.all([createSample(postgres, 'crm', 2), createSample(postgres, 'shop', 20)]);
  await using redis = await connectRedis(server.url, createLog('test', 'fatal', String));
  await using uploads = openQueue('upload', 'default', redis);
  const env = {
    REDIS_URL: server.url,
    BACKUP_DIR: folder,
    POSTGRES_HOST: postgres.host,
    POSTGRES_PORT: String(postgres.port),
    POSTGRES_USER: postgres.user,
    POSTGRES_PASSWORD: postgres.password,
    POSTGRES_DB: 'crm,shop',
    S3_BUCKET: BUCKET,
    S3_PREFIX: PREFIX,
    S3_ENDPOINT: proxy.url,
    S3_REGION: s3.region,
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
  };
  const uploadThatIs = (state: 'completed' | 'failed' | 'delayed') =>
    eventually(async () => (await uploads.getJobs([state]))[0] ?? null);

  // The first dump of shop waits for the lock, so that crm's upload has met its fate before.
  const lock = await lockTable(postgres, 'shop');
  stack.use(lock);
  const [uploader, dumper] = await Promise.all(
    [UPLOAD_WORKER, DUMP_WORKER].map(async (script) => stack.use(await startProcess({ script, env }))),
  );
  await uploader?.waitForLine(/"msg":"reconciled"/);
  await dumper?.waitForLine(/"msg":"ready"/);
  await using scheduler = await startScheduler(env);
  const refused = await uploadThatIs('failed');
  expect(refused.data.name).toMatch(/^backup_crm_/);
  expect(refused.failedReason).toMatch(/NoSuchBucket[^]*hint: Create the bucket backups at http/);

  await s3.createBucket(BUCKET);
  await lock[Symbol.asyncDispose]();
  const fine = await uploadThatIs('completed');

  await proxy.status(503, { body: SLOW_DOWN, when: ({ path }) => path.includes('partNumber=3') });
  await using asked = await startProcess({ script: ENQUEUE_DUMP, args: ['shop'], env });
  expect(await asked.waitForExit()).toMatchObject({ code: 0 });
  const waiting = await eventually(async () => {
    const job = await uploadThatIs('delayed');
    // Its next attempt must not come while the picture is taken.
    await job.changeDelay(10 * 60_000);
    return job;
  });
  expect(waiting.failedReason).toMatch(/SlowDown/);

  const page = await browser.newPage({
    viewport: { width: 1600, height: 1310 },
    deviceScaleFactor: 0.8,
    colorScheme: 'light',
    httpCredentials: { username: BOARD_USER, password: BOARD_PASSWORD },
  });
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  await goTo(page, `${scheduler.base}/queues/queue/upload`);
  for (const { data } of [fine, refused, waiting]) await page.getByText(uploadJobId(data.name, 's3')).first().waitFor();

  // Errors are coloured beside the page, which may take its time.
  for (const reason of [/NoSuchBucket/, /SlowDown/]) await page.getByText(reason).first().waitFor();
  // The pages fade in.
  await page.evaluate('Promise.all(document.getAnimations().map((animation) => animation.finished))');
  const picture = join(pictures, 'board.png');
  await page.screenshot({ path: picture });
  expect((await stat(picture)).size).toBeGreaterThan(20_000);
  if (process.env['PGSTOW_UPDATE_SCREENSHOTS'] === '1') await copyFile(picture, PICTURE);

  await proxy.pass();
  const { name } = refused.data;
  await goTo(page, `${scheduler.base}/queues/queue/upload?status=failed`);
  await page.getByText(uploadJobId(name, 's3')).first().waitFor();
  // The first such button retries all jobs, the last one this job; neither has a name.
  await page.locator('button:has(.lucide-refresh-cw)').last().click();
  await page.getByRole('button', { name: 'Confirm' }).click();
  await eventually(() => refused.isCompleted());
  await page.getByText(uploadJobId(name, 's3')).first().waitFor({ state: 'detached' });
  const dump = await findDump(folder, name);
  expect(dump?.receipts.get('s3')).toMatchObject({ bucket: BUCKET, key: PREFIX + name, sha256: dump?.manifest.sha256 });
  expect(await s3.headObject(BUCKET, PREFIX + name)).toMatchObject({ sizeBytes: dump?.manifest.bytes });
  expect(faults).toEqual([]);
});

async function createSample(postgres: PostgresServer, database: string, megabytes: number): Promise<void> {
  await postgres.createDatabase(database);
  await postgres.psql(database, `CREATE TABLE t AS SELECT 1 AS i; ${noiseTable(megabytes)}`);
}
