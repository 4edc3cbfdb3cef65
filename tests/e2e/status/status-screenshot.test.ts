import { copyFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readFolder } from '@pgstow/catalog/folder/read-folder.ts';
import { writeManifest, writeRestoreTest } from '@pgstow/catalog/folder/write-record.ts';
import type { RestoreTestResult } from '@pgstow/shared/contract/restore-test.ts';
import { hasPostgres, hasRedis } from '@pgstow/testing/capabilities.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { findProgram } from '@pgstow/testing/find-program.ts';
import { startPostgres } from '@pgstow/testing/postgres-server.ts';
import { startRedis } from '@pgstow/testing/redis-server.ts';
import { startS3 } from '@pgstow/testing/s3-server.ts';
import { tempFolder } from '@pgstow/testing/temp-folder.ts';
import { startProcess } from '@pgstow/testing/worker-process.ts';
import { chromium, type Browser } from 'playwright-core';
import { expect, test } from 'vitest';
import { goTo } from '../stage/go-to.ts';
import { hoursAgo } from '../stage/publish-catalog.ts';
import { DUMP_WORKER, noiseTable } from '../stage/start-dump-worker.ts';
import { BOARD_PASSWORD, BOARD_USER, startScheduler } from '../stage/start-scheduler.ts';
import { BUCKET, makeDump } from '../stage/upload-stage.ts';

const PICTURE = fileURLToPath(new URL('../../../docs/status.png', import.meta.url));
const UPLOAD_WORKER = fileURLToPath(new URL('../../../apps/upload-worker/src/main.ts', import.meta.url));
const FLAGS =
  '--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync';

const program = findProgram('chromium');
const missing =
  program === undefined
    ? 'chromium is not on PATH'
    : !hasRedis()
      ? 'redis-server is not there'
      : hasPostgres()
        ? undefined
        : 'PostgreSQL is not there';

test(`a person sees what is protected, and backs up by a button${missing === undefined ? '' : ` (skipped: ${missing})`}`, async ({
  skip,
}) => {
  if (missing !== undefined) skip(missing);
  await using stack = new AsyncDisposableStack();
  const [redis, postgres, s3, browser, { path: folder }, { path: pictures }] = await Promise.all([
    startRedis().then((it) => stack.use(it)),
    startPostgres().then((it) => stack.use(it)),
    startS3({ buckets: [BUCKET] }).then((it) => stack.use(it)),
    chromium
      .launch({ executablePath: program ?? '', args: FLAGS.split(' ') })
      .then((it) => stack.adopt(it, () => it.close())),
    tempFolder('pgstow-backups-').then((it) => stack.use(it)),
    tempFolder('pgstow-status-').then((it) => stack.use(it)),
  ]);
  // `orders` is gone from the server: its dumps fail. `crm` was emptied: its dump is suspect.
  for (const database of ['shop', 'crm']) await postgres.createDatabase(database);
  await postgres.psql('shop', noiseTable(1));
  await postgres.psql('crm', 'CREATE TABLE noise (i int, text text)');
  await makeHistory(folder, 'shop', 15, 20, (days) => (days === 9 ? 'could-not-tell' : 'good'));
  await makeHistory(folder, 'crm', 8, 22, () => 'good');
  await makeHistory(folder, 'orders', 6, 80, () => 'good');
  const env = {
    REDIS_URL: redis.url,
    BACKUP_DIR: folder,
    BACKUP_INTERVAL: '86400',
    BACKUP_KEEP_LAST: '20',
    POSTGRES_HOST: postgres.host,
    POSTGRES_PORT: String(postgres.port),
    POSTGRES_USER: postgres.user,
    POSTGRES_PASSWORD: postgres.password,
    POSTGRES_DB: 'shop,orders,crm',
    S3_BUCKET: BUCKET,
    S3_ENDPOINT: s3.endpoint,
    S3_REGION: s3.region,
    AWS_ACCESS_KEY_ID: s3.accessKeyId,
    AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
    VERIFY_SCHEDULE: 'off',
  };
  const [uploader, dumper] = await Promise.all(
    [UPLOAD_WORKER, DUMP_WORKER].map(async (script) => stack.use(await startProcess({ script, env }))),
  );
  await uploader?.waitForLine(/"msg":"reconciled"/);
  await dumper?.waitForLine(/"msg":"ready"/);
  await using scheduler = await startScheduler(env);
  const uploaded = async (database: string): Promise<number> =>
    (await readFolder(folder)).dumps.filter(
      ({ manifest, receipts }) => manifest.database === database && receipts.has('s3'),
    ).length;
  await eventually(async () => (await uploaded('shop')) === 16 && (await uploaded('crm')) === 9);

  const faults: string[] = [];
  const page = await openPage(browser, { width: 1100, height: 1000 }, 'light', faults);
  /** The page once it says so: what the workers publish takes a moment. */
  const showing = (text: string): Promise<unknown> =>
    eventually(async () => {
      await goTo(page, scheduler.base);
      return (await page.getByText(text).count()) > 0;
    });
  await showing('16 in the folder');
  await showing('The dump of orders failed');
  await showing('A dump of crm is SUSPECT');
  expect(await page.getByRole('heading', { level: 1 }).textContent()).toContain(
    '1 of your 3 databases is not protected',
  );
  expect(await page.getByRole('img', { name: 'The last backups of shop' }).count()).toBe(1);
  const picture = join(pictures, 'status.png');
  await page.screenshot({ path: picture, fullPage: true, scale: 'css' });
  expect((await stat(picture)).size).toBeGreaterThan(20_000);
  if (process.env['PGSTOW_UPDATE_SCREENSHOTS'] === '1') await copyFile(picture, PICTURE);

  const phone = await openPage(browser, { width: 360, height: 700 }, 'dark', faults);
  await goTo(phone, scheduler.base);
  expect(await phone.evaluate('document.documentElement.scrollWidth <= document.documentElement.clientWidth')).toBe(
    true,
  );
  expect(await phone.evaluate('getComputedStyle(document.body).backgroundColor')).not.toBe(
    await page.evaluate('getComputedStyle(document.body).backgroundColor'),
  );
  const dark = join(pictures, 'phone.png');
  await phone.screenshot({ path: dark, fullPage: true });
  if (process.env['PGSTOW_KEEP_SCREENSHOTS'] !== undefined)
    await copyFile(dark, join(process.env['PGSTOW_KEEP_SCREENSHOTS'], 'status-phone.png'));

  await goTo(page, scheduler.base);
  await page.getByRole('button', { name: 'Back up now: shop' }).click();
  expect(await page.getByRole('status').textContent()).toContain('A dump of shop is asked for.');
  await showing('17 in the folder');
  await eventually(async () => (await uploaded('shop')) === 17);
  await goTo(page, scheduler.base);
  await page.getByRole('link', { name: 'See its job' }).first().click();
  await page.waitForURL(/\/queues\/queue\/dump\//);
  expect(faults).toEqual([]);
});

async function openPage(
  browser: Browser,
  viewport: { width: number; height: number },
  colorScheme: 'light' | 'dark',
  faults: string[],
) {
  const page = await browser.newPage({
    viewport,
    colorScheme,
    httpCredentials: { username: BOARD_USER, password: BOARD_PASSWORD },
  });
  page.on('pageerror', (error) => faults.push(error.message));
  // A breach of the content security policy is an error in the console.
  page.on('console', (message) => {
    const isOurs = new URL(page.url()).pathname === '/';
    if (message.type() === 'error' && isOurs) faults.push(message.text());
  });
  return page;
}

/** Backups of each of the last days, the newest so many hours old, not uploaded yet. */
async function makeHistory(
  folder: string,
  database: string,
  days: number,
  hours: number,
  resultOf: (day: number) => RestoreTestResult,
): Promise<void> {
  for (let day = 0; day < days; day += 1) {
    const takenAt = hoursAgo(hours + 24 * day);
    const later = (minutes: number): string => new Date(takenAt.getTime() + minutes * 60_000).toISOString();
    const made = await makeDump(folder, { database, takenAt, bytes: 620_000 - 9000 * day + ((day * 7919) % 40_000) });
    const manifest = { ...made, recordedAt: later(1), durationMs: 900 + ((day * 313) % 400) };
    await writeManifest(folder, manifest);
    await writeRestoreTest(folder, {
      version: 1,
      name: manifest.name,
      destination: 's3',
      sha256: manifest.sha256,
      result: resultOf(day),
      differences: [],
      differenceCount: 0,
      notes: [],
      testedAt: later(10),
      durationMs: 4000,
      restoreMs: 1500,
    });
  }
}
