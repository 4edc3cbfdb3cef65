import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasCommand, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { startProcess } from '@pgstow/testing/processes/worker-process.ts';
import { startRedis, type RedisServer } from '@pgstow/testing/servers/redis-server.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mainOf } from '../stage/processes/start-app.ts';
import { startConnectedRedis } from '../stage/processes/start-connected-redis.ts';
import { POSTGRES_PASSWORD, startScheduler, type Scheduler } from '../stage/processes/start-scheduler.ts';
import { hoursAgo, publish, publishedCatalog, PUBLISHED_BUCKET } from '../stage/publish-catalog.ts';

const ODD = 'odd"db\\<b>';
const monitoring = (file: string) =>
  readFile(fileURLToPath(new URL(`../../../docs/monitoring/${file}`, import.meta.url)), 'utf8');

describe.skipIf(!hasRedis())('/metrics', () => {
  const cleanup = new AsyncDisposableStack();
  let server: RedisServer;
  let redis: RedisConnection;

  beforeAll(async () => {
    ({ server, redis } = cleanup.use(await startConnectedRedis()));
  });
  afterAll(() => cleanup.disposeAsync());

  const settings = (site: string) => ({
    REDIS_URL: server.url,
    SITE: site,
    POSTGRES_DB: `shop,"odd""db\\<b>"`,
    S3_BUCKET: PUBLISHED_BUCKET,
    BACKUP_INTERVAL: '86400',
  });
  /** The values of the exposition format, by name and labels. */
  async function scrape(scheduler: Scheduler): Promise<ReadonlyMap<string, number>> {
    const answer = await scheduler.request('/metrics');
    expect([answer.status, answer.headers.get('content-type')]).toEqual([
      200,
      expect.stringMatching(/^text\/plain; version=0\.0\.4/),
    ]);
    const lines = (await answer.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return new Map(
      lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
    );
  }
  const fill = (site: string) =>
    publish(
      redis,
      site,
      publishedCatalog(
        {
          shop: [
            { takenAt: hoursAgo(30), test: 'good' },
            { takenAt: hoursAgo(2), bytes: 5000 },
            { takenAt: hoursAgo(1), uploaded: false, bytes: 6000 },
            { takenAt: hoursAgo(0.5), test: 'good', bytes: 70, suspect: true },
          ],
          [ODD]: [{ takenAt: hoursAgo(100), test: 'bad' }],
        },
        { frozen: 'nothing is deleted while one is suspect', frozenBy: 'shrink' },
      ),
    );

  test('has all that the rules and the dashboard ask for, and the same after a restart', async () => {
    const site = 'metrics';
    await using folder = await tempFolder();
    const env = { ...settings(site), BACKUP_DIR: folder.path };
    await using worker = await startProcess({
      script: mainOf('dump-worker'),
      env: { ...env, POSTGRES_HOST: '127.0.0.1', POSTGRES_PORT: '9', POSTGRES_USER: 'backup', POSTGRES_PASSWORD },
    });
    await worker.waitForLine(/"msg":"ready"/);
    await eventually(async () => (await redis.hexists(`pgstow:${site}:catalog`, 'catalog')) === 1);
    await fill(site);
    let before: ReadonlyMap<string, number>;
    {
      await using scheduler = await startScheduler(env);
      before = await eventually(async () => {
        const values = await scrape(scheduler);
        // Both dumps are attempted once, and fail.
        return [...values.keys()].filter((key) => key.startsWith('pgstow_failures_total{')).length === 2 && values;
      });
      await scheduler.process.kill();
    }
    const shop = (name: string, more = '') => before.get(`${name}{database="shop"${more}}`);
    const now = Date.now() / 1000;
    expect(shop('pgstow_database_protected')).toBe(1);
    expect(before.get('pgstow_database_protected{database="odd\\"db\\\\<b>"}')).toBe(0);
    expect(shop('pgstow_newest_backup_timestamp_seconds')).toBeCloseTo(now - 2 * 3600, -2);
    expect(shop('pgstow_last_success_timestamp_seconds', ',stage="dump"')).toBeCloseTo(now - 3600 + 60, -2);
    expect(shop('pgstow_last_success_timestamp_seconds', ',stage="upload"')).toBeCloseTo(now - 2 * 3600 + 120, -2);
    expect(shop('pgstow_last_success_timestamp_seconds', ',stage="verify"')).toBeCloseTo(now - 30 * 3600 + 300, -2);
    expect(shop('pgstow_last_attempt_timestamp_seconds', ',stage="dump"')).toBeCloseTo(now, -2);
    expect(shop('pgstow_failures_total', ',stage="dump",reason="RetryableError"')).toBe(1);
    expect([shop('pgstow_last_dump_bytes'), shop('pgstow_dumps_not_uploaded'), shop('pgstow_backups')]).toEqual([
      70, 1, 4,
    ]);
    expect(['clock', 'restore-test', 'shrink'].map((by) => shop('pgstow_pruning_frozen', `,reason="${by}"`))).toEqual([
      0, 0, 1,
    ]);
    expect([shop('pgstow_newest_dump_suspect'), shop('pgstow_expected_interval_seconds')]).toEqual([1, 86_400]);
    expect(before.get('pgstow_workers{queue="dump"}')).toBe(1);
    expect(before.get('pgstow_folder_free_bytes')).toBe(42e9);

    const names = new Set([...before.keys()].map((key) => key.replace(/\{.*/s, '')));
    for (const file of ['alerts.yml', 'dashboard.json', '../monitoring.md']) {
      const asked = new Set((await monitoring(file)).match(/\bpgstow_[a-z_]+/g));
      expect(asked.size).toBeGreaterThan(5);
      expect([file, [...asked].filter((name) => !names.has(name))]).toEqual([file, []]);
    }
    expect(JSON.parse(await monitoring('dashboard.json'))).toMatchObject({ title: 'pgstow' });

    await using again = await startScheduler(env);
    const lasting = (values: ReadonlyMap<string, number>) =>
      [...values].filter(([key]) => !/^pgstow_(?:queue_jobs|workers|site_faults|last_attempt|failures)/.test(key));
    const after = await scrape(again);
    expect(lasting(after)).toEqual(lasting(before));
    expect(after.get('pgstow_failures_total{database="shop",stage="dump",reason="RetryableError"}')).toBeGreaterThan(0);
  });

  test('reports what it can while nothing is published, and while Redis is away', async () => {
    await using own = await startRedis();
    await using scheduler = await startScheduler({ ...settings('empty'), REDIS_URL: own.url });
    const values = await scrape(scheduler);
    expect(values.get('pgstow_database_protected{database="shop"}')).toBe(0.5);
    expect([...values.keys()].some((key) => key.startsWith('pgstow_folder'))).toBe(false);
    await own.stop();
    const away = await scrape(scheduler);
    expect([...away].map(([key, value]) => [key.replace(/\{.*/, ''), value])).toEqual([
      ['pgstow_build_info', 1],
      ['pgstow_redis_up', 0],
    ]);
  });
});

test('each alert rule is among those that are tried', async () => {
  const tried = await readFile(fileURLToPath(new URL('alert-rules.yml', import.meta.url)), 'utf8');
  const rules = (await monitoring('alerts.yml')).match(/(?<=alert: )\w+/g) ?? [];
  expect(rules.length).toBeGreaterThan(10);
  expect(rules.filter((rule) => !tried.includes(`alertname="${rule}"`))).toEqual([]);
});

test.skipIf(!hasCommand('promtool'))('the alert rules raise what they are to (skipped without promtool)', async () => {
  const rules = fileURLToPath(new URL('alert-rules.yml', import.meta.url));
  await using promtool = await startProcess({ command: 'promtool', args: ['test', 'rules', rules] });
  const { code } = await promtool.waitForExit();
  expect({ code, said: promtool.tail }).toMatchObject({ code: 0, said: expect.stringContaining('SUCCESS') });
});
