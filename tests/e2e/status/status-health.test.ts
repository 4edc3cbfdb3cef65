import { openQueue, queuePrefix } from '@pgstow/shared/runtime/jobs/queue.ts';
import type { RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import type { RedisServer } from '@pgstow/testing/servers/redis-server.ts';
import { Worker } from 'bullmq';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startConnectedRedis } from '../stage/processes/start-connected-redis.ts';
import { basic, BOARD_USER, startScheduler, type Scheduler } from '../stage/processes/start-scheduler.ts';
import { hoursAgo, publish, publishedCatalog, PUBLISHED_BUCKET } from '../stage/publish-catalog.ts';

const DATABASES = 'shop,<b>orders</b>';

describe.skipIf(!hasRedis())('/healthz', () => {
  const cleanup = new AsyncDisposableStack();
  let server: RedisServer;
  let redis: RedisConnection;
  let sites = 0;

  beforeAll(async () => {
    ({ server, redis } = cleanup.use(await startConnectedRedis()));
  });
  afterAll(() => cleanup.disposeAsync());

  /** A scheduler with its own site, whose first dumps are no longer due unless `keepFirst` is set. */
  async function start({ keepFirst = false } = {}) {
    const site = `health-${(sites += 1)}`;
    const scheduler = await startScheduler({
      REDIS_URL: server.url,
      SITE: site,
      POSTGRES_DB: DATABASES,
      S3_BUCKET: PUBLISHED_BUCKET,
      BACKUP_INTERVAL: '86400',
    });
    if (!keepFirst) await endFirst(site);
    return { site, scheduler };
  }
  /** Completes the due dump jobs without a dump. */
  async function endFirst(site: string): Promise<void> {
    await using queue = openQueue('dump', site, redis);
    const worker = new Worker('dump', async () => undefined, {
      connection: { url: server.url, maxRetriesPerRequest: null },
      prefix: queuePrefix(site),
    });
    await eventually(async () => (await queue.getCompletedCount()) === 2);
    await worker.close();
  }
  const say = (site: string, hours: Readonly<Record<string, number>>) =>
    publish(
      redis,
      site,
      publishedCatalog(
        Object.fromEntries(Object.entries(hours).map(([name, age]) => [name, [{ takenAt: hoursAgo(age) }]])),
      ),
    );
  const publicly = async ({ base }: Scheduler) => {
    const answer = await fetch(`${base}/healthz`);
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  const privately = async (scheduler: Scheduler) => (await scheduler.request('/healthz')).json();

  test('is ok while every database has a backup that is new enough, and stale once one has not', async () => {
    const { site, scheduler } = await start();
    await using _scheduler = scheduler;
    // With a dump every day, a backup is too old after two intervals and an hour.
    await say(site, { shop: 48.9, '<b>orders</b>': 1 });
    expect(await publicly(scheduler)).toEqual({
      status: 200,
      body: { status: 'ok', reasons: [], databases: { total: 2, protected: 2, notYet: 0, notProtected: 0 } },
    });
    await say(site, { shop: 49.1, '<b>orders</b>': 1 });
    expect(await publicly(scheduler)).toEqual({
      status: 503,
      body: {
        status: 'unavailable',
        reasons: ['1 of 2 databases is not protected'],
        databases: { total: 2, protected: 1, notYet: 0, notProtected: 1 },
      },
    });
    expect(await privately(scheduler)).toMatchObject({
      reasons: ['shop: its newest backup at s3 is 2d 1h old, and one every 1d is wanted'],
      details: [
        { database: 'shop', protection: 'no' },
        { database: '<b>orders</b>', protection: 'yes' },
      ],
    });
    expect((await fetch(`${scheduler.base}/livez`)).status).toBe(200);
    await say(site, { shop: 0, '<b>orders</b>': 1 });
    expect((await publicly(scheduler)).status).toBe(200);
  });

  test('counts no dump that is not confirmed where it should be', async () => {
    const { site, scheduler } = await start();
    await using _scheduler = scheduler;
    const catalog = (uploaded: boolean) =>
      publishedCatalog({
        shop: [{ takenAt: hoursAgo(30), uploaded }],
        '<b>orders</b>': [{ takenAt: hoursAgo(1) }],
      });
    await publish(redis, site, catalog(false));
    expect(await privately(scheduler)).toMatchObject({
      status: 'unavailable',
      reasons: [
        expect.stringContaining('shop: no dump of it has reached s3'),
        expect.stringContaining('shop: a dump has waited'),
      ],
    });
    await publish(redis, site, catalog(true));
    expect((await publicly(scheduler)).status).toBe(200);
  });

  test('waits for a first backup that is due, and for none that is not', async () => {
    const due = await start({ keepFirst: true });
    await using _due = due.scheduler;
    expect(await publicly(due.scheduler)).toMatchObject({ status: 200, body: { databases: { notYet: 2 } } });
    await say(due.site, { shop: 1 });
    expect(await privately(due.scheduler)).toMatchObject({
      status: 'ok',
      details: [{ protection: 'yes' }, { protection: 'not-yet', reasons: ['its first dump is due'] }],
    });
    await endFirst(due.site);
    expect(await privately(due.scheduler)).toMatchObject({
      status: 'unavailable',
      reasons: ['<b>orders</b>: it has never been backed up'],
    });
  });

  test('says what is wrong with a queue, and reports a bad restore test', async () => {
    const { site, scheduler } = await start();
    await using _scheduler = scheduler;
    await using queue = openQueue('upload', site, redis);
    await queue.pause();
    await publish(
      redis,
      site,
      publishedCatalog({
        shop: [{ takenAt: hoursAgo(1), test: 'bad' }],
        '<b>orders</b>': [{ takenAt: hoursAgo(1), test: 'could-not-tell' }],
      }),
    );
    expect(await privately(scheduler)).toMatchObject({
      reasons: [
        'the queue upload is paused; resume it on the board',
        expect.stringMatching(
          /^shop: its newest restore test, of backup_shop_\S+ at s3, is bad: public.orders has 1 row/,
        ),
      ],
    });
  });

  test('needs no password, refuses a wrong one, and names no database without one', async () => {
    const { site, scheduler } = await start();
    await using _scheduler = scheduler;
    await say(site, { shop: 1000, '<b>orders</b>': 1000 });
    const text = JSON.stringify((await publicly(scheduler)).body);
    expect(text).not.toMatch(/shop|orders|backup_/);
    const wrong = await fetch(`${scheduler.base}/healthz`, { headers: { authorization: basic(BOARD_USER, 'wrong') } });
    expect(wrong.status).toBe(401);
  });
});
