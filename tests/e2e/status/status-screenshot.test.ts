import { readFolder } from '@pgstow/catalog/folder/read-folder.ts';
import { writeManifest, writeRestoreTest } from '@pgstow/catalog/folder/write-record.ts';
import type { RestoreTestResult } from '@pgstow/shared/contract/restore-test.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import type { Browser } from 'playwright-core';
import { expect, test } from 'vitest';
import { goTo } from '../stage/browser/go-to.ts';
import { launchBrowser } from '../stage/browser/launch-browser.ts';
import { missing, takePicture } from '../stage/browser/take-picture.ts';
import { noiseTable } from '../stage/dump-stage.ts';
import { startApp } from '../stage/processes/start-app.ts';
import { BOARD_PASSWORD, BOARD_USER, startScheduler } from '../stage/processes/start-scheduler.ts';
import { hoursAgo } from '../stage/publish-catalog.ts';
import { settingsOf } from '../stage/settings-of.ts';
import { startServers } from '../stage/start-servers.ts';
import { makeDump } from '../stage/upload-stage.ts';

test(`a person sees what is protected, and backs up by a button${missing === undefined ? '' : ` (skipped: ${missing})`}`, async ({
  skip,
}) => {
  if (missing !== undefined) skip(missing);
  await using stack = new AsyncDisposableStack();
  // `orders` is gone from the server: its dumps fail. `crm` was emptied: its dump is suspect.
  const [{ redis, postgres, s3 }, browser, { path: folder }] = await Promise.all([
    startServers({ shop: noiseTable(1), crm: 'CREATE TABLE noise (i int, text text)' }).then((it) => stack.use(it)),
    launchBrowser().then((it) => stack.use(it)),
    tempFolder('pgstow-backups-').then((it) => stack.use(it)),
  ]);
  await makeHistory(folder, 'shop', 15, 20, (days) => (days === 9 ? 'could-not-tell' : 'good'));
  await makeHistory(folder, 'crm', 8, 22, () => 'good');
  await makeHistory(folder, 'orders', 6, 80, () => 'good');
  const env = {
    ...settingsOf({ postgres, databases: 'shop,orders,crm', redis, s3, folder }),
    BACKUP_INTERVAL: '86400',
    BACKUP_KEEP_LAST: '20',
    VERIFY_SCHEDULE: 'off',
  };
  const uploader = stack.use(await startApp('upload-worker', env));
  stack.use(await startApp('dump-worker', env));
  await uploader.waitForLine(/"msg":"reconciled"/);
  await using scheduler = await startScheduler(env);
  const uploaded = async (database: string): Promise<number> =>
    (await readFolder(folder)).dumps.filter(
      ({ manifest, receipts }) => manifest.database === database && receipts.has('s3'),
    ).length;
  await eventually(async () => (await uploaded('shop')) === 16 && (await uploaded('crm')) === 9);

  const faults: string[] = [];
  const page = await openPage(browser, { width: 1100, height: 1000 }, 'light', faults);
  /** Loads the page until it shows that text: the workers publish a moment later. */
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
  await takePicture(page, 'status.png', { fullPage: true, scale: 'css' });

  const phone = await openPage(browser, { width: 360, height: 700 }, 'dark', faults);
  await goTo(phone, scheduler.base);
  expect(await phone.evaluate('document.documentElement.scrollWidth <= document.documentElement.clientWidth')).toBe(
    true,
  );
  expect(await phone.evaluate('getComputedStyle(document.body).backgroundColor')).not.toBe(
    await page.evaluate('getComputedStyle(document.body).backgroundColor'),
  );
  await goTo(page, scheduler.base);
  await page.getByRole('button', { name: 'Back up now: shop' }).click();
  expect(await page.getByRole('status').textContent()).toContain('A dump of shop is requested.');
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

/** Makes a backup for each of the last days, not uploaded yet; the newest is `hours` old. */
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
    // It has the same table as the source, which would have lost another.
    const tables = { 'public.noise': made.tables?.['public.t'] ?? 0 };
    const manifest = { ...made, tables, recordedAt: later(1), durationMs: 900 + ((day * 313) % 400) };
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
