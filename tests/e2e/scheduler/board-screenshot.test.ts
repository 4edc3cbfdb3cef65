import { fileURLToPath } from 'node:url';
import { DeleteBucketCommand } from '@aws-sdk/client-s3';
import { findDump } from '@pgstow/catalog/folder/read-folder.ts';
import { uploadJobId } from '@pgstow/shared/contract/jobs.ts';
import { openQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import { createLog } from '@pgstow/shared/runtime/log/log.ts';
import { connectRedis } from '@pgstow/shared/runtime/redis/redis.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { startProcess } from '@pgstow/testing/processes/worker-process.ts';
import { startFaultProxy } from '@pgstow/testing/servers/fault-proxy.ts';
import { expect, test } from 'vitest';
import { goTo } from '../stage/browser/go-to.ts';
import { launchBrowser } from '../stage/browser/launch-browser.ts';
import { missing, takePicture } from '../stage/browser/take-picture.ts';
import { lockTable, noiseTable } from '../stage/dump-stage.ts';
import { startApp } from '../stage/processes/start-app.ts';
import { BOARD_PASSWORD, BOARD_USER, startScheduler } from '../stage/processes/start-scheduler.ts';
import { BUCKET, settingsOf } from '../stage/settings-of.ts';
import { startServers } from '../stage/start-servers.ts';

const ENQUEUE_DUMP = fileURLToPath(new URL('../../../scripts/enqueue-dump.ts', import.meta.url));
const PREFIX = 'postgres/';
/** The answer of AWS to too many requests. */
const SLOW_DOWN =
  '<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>';

test(`a person sees the uploads and retries a failed one${missing === undefined ? '' : ` (skipped: ${missing})`}`, async ({
  skip,
}) => {
  if (missing !== undefined) skip(missing);
  await using stack = new AsyncDisposableStack();
  const [{ redis: server, postgres, s3 }, browser, { path: folder }] = await Promise.all([
    startServers({ crm: sampleOf(2), shop: sampleOf(20) }).then((it) => stack.use(it)),
    launchBrowser().then((it) => stack.use(it)),
    tempFolder('pgstow-backups-').then((it) => stack.use(it)),
  ]);
  await s3.client.sdk.send(new DeleteBucketCommand({ Bucket: BUCKET }));
  await using proxy = await startFaultProxy({ targetPort: s3.port });
  await using redis = await connectRedis(server.url, createLog('test', 'fatal', String));
  await using uploads = openQueue('upload', 'default', redis);
  const env = settingsOf({
    postgres,
    databases: 'crm,shop',
    redis: server,
    s3: { ...s3, endpoint: proxy.url },
    prefix: PREFIX,
    folder,
  });
  const uploadThatIs = (state: 'completed' | 'failed' | 'delayed') =>
    eventually(async () => (await uploads.getJobs([state]))[0] ?? null);

  // The first dump of shop waits for the lock: crm's upload fails before it.
  const lock = await lockTable(postgres, 'shop');
  stack.use(lock);
  const uploader = stack.use(await startApp('upload-worker', env));
  stack.use(await startApp('dump-worker', env));
  await uploader.waitForLine(/"msg":"reconciled"/);
  await using scheduler = await startScheduler(env);
  const refused = await uploadThatIs('failed');
  expect(refused.data.name).toMatch(/^backup_crm_/);
  expect(refused.failedReason).toMatch(/NoSuchBucket[^]*hint: Create the bucket backups at http/);

  await s3.createBucket(BUCKET);
  await lock[Symbol.asyncDispose]();
  const fine = await uploadThatIs('completed');

  await proxy.status(503, { body: SLOW_DOWN, when: ({ method }) => method === 'PUT' });
  await using asked = await startProcess({ script: ENQUEUE_DUMP, args: ['shop'], env });
  expect(await asked.waitForExit()).toMatchObject({ code: 0 });
  const waiting = await eventually(async () => {
    const job = await uploadThatIs('delayed');
    // The next attempt must not come before the picture is taken.
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

  // The page colours errors a moment later.
  for (const reason of [/NoSuchBucket/, /SlowDown/]) await page.getByText(reason).first().waitFor();
  // The pages fade in.
  await page.evaluate('Promise.all(document.getAnimations().map((animation) => animation.finished))');
  await takePicture(page, 'board.png');

  await proxy.pass();
  const { name } = refused.data;
  await goTo(page, `${scheduler.base}/queues/queue/upload?status=failed`);
  await page.getByText(uploadJobId(name, 's3')).first().waitFor();
  // The first of these nameless buttons retries all jobs, the last one this job.
  await page.locator('button:has(.lucide-refresh-cw)').last().click();
  await page.getByRole('button', { name: 'Confirm' }).click();
  await eventually(() => refused.isCompleted());
  await page.getByText(uploadJobId(name, 's3')).first().waitFor({ state: 'detached' });
  const dump = await findDump(folder, name);
  expect(dump?.receipts.get('s3')).toMatchObject({ bucket: BUCKET, key: PREFIX + name, sha256: dump?.manifest.sha256 });
  expect(await s3.headObject(BUCKET, PREFIX + name)).toMatchObject({ sizeBytes: dump?.manifest.bytes });
  expect(faults).toEqual([]);
});

const sampleOf = (megabytes: number): string => `CREATE TABLE t AS SELECT 1 AS i; ${noiseTable(megabytes)}`;
