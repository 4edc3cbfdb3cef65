import { openQueue, queuePrefix } from '@pgstow/shared/runtime/jobs/queue.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { startHttpEndpoint } from '@pgstow/testing/servers/http-endpoint.ts';
import { Worker } from 'bullmq';
import { expect, test } from 'vitest';
import { startConnectedRedis } from '../stage/processes/start-connected-redis.ts';
import { startScheduler } from '../stage/processes/start-scheduler.ts';
import { hoursAgo, publish, publishedCatalog, PUBLISHED_BUCKET } from '../stage/publish-catalog.ts';
import { postedTo } from '../stage/witnesses/posted-to.ts';

test.skipIf(!hasRedis())('a stale database raises one alarm, and its next backup lifts it', async () => {
  await using connected = await startConnectedRedis();
  const { server, redis } = connected;
  await using hook = await startHttpEndpoint();
  await using queue = openQueue('dump', 'default', redis);
  const env = {
    REDIS_URL: server.url,
    POSTGRES_DB: 'shop,orders',
    S3_BUCKET: PUBLISHED_BUCKET,
    BACKUP_INTERVAL: '86400',
    NOTIFY_URLS: hook.url.replace('http:', 'generic+http:'),
  };
  const say = (shopHours: number) =>
    publish(
      redis,
      'default',
      publishedCatalog({ shop: [{ takenAt: hoursAgo(shopHours), test: 'good' }], orders: [{ takenAt: hoursAgo(1) }] }),
    );
  await say(100);
  {
    // No alarm is raised while the missed dumps are still due.
    await using scheduler = await startScheduler(env);
    expect(await (await scheduler.request('/healthz')).json()).toMatchObject({ status: 'unavailable' });
    const worker = new Worker('dump', async () => undefined, {
      connection: { url: server.url, maxRetriesPerRequest: null },
      prefix: queuePrefix('default'),
    });
    await eventually(async () => (await queue.getCompletedCount()) === 2);
    await worker.close();
    expect(scheduler.process.tail).not.toContain('alarm raised');
  }
  // Each start judges at once, but only the first one raises the alarm.
  for (let round = 0; round < 2; round += 1) {
    await using scheduler = await startScheduler(env);
    await eventually(() => postedTo(hook).length > 0);
    await scheduler.process.stop();
    expect(scheduler.process.tail.includes('alarm raised')).toBe(round === 0);
  }
  expect(postedTo(hook)).toEqual([
    expect.objectContaining({
      event: 'raised',
      kind: 'stale',
      database: 'shop',
      happened: expect.stringContaining('its newest backup at s3 is 4d 4h old, and one every 1d is wanted') as string,
      safe: expect.stringMatching(/^backup_shop_\S+, taken 4d 4h ago, the only one/) as string,
    }),
  ]);
  await say(0);
  for (let round = 0; round < 2; round += 1) {
    await using scheduler = await startScheduler(env);
    await eventually(() => postedTo(hook).length > 1);
    await scheduler.process.stop();
    expect(scheduler.process.tail.includes('alarm lifted')).toBe(round === 0);
  }
  expect(postedTo(hook).slice(1)).toEqual([
    expect.objectContaining({ event: 'recovered', kind: 'stale', database: 'shop' }),
  ]);
  await say(100);
  {
    await using _scheduler = await startScheduler(env);
    await eventually(() => postedTo(hook).length > 2);
  }
  // A database that is no longer configured needs no repair.
  await using scheduler = await startScheduler({ ...env, POSTGRES_DB: 'orders' });
  await eventually(() => postedTo(hook).length > 3);
  expect(postedTo(hook)[3]).toMatchObject({
    event: 'recovered',
    kind: 'stale',
    database: 'shop',
    title: 'shop is not backed up any more',
  });
  expect(await (await scheduler.request('/')).text()).not.toContain('id="alarms"');
});

test.skipIf(!hasRedis())('a first backup that nobody takes is a fault after an hour, and raises an alarm', async () => {
  await using connected = await startConnectedRedis();
  const { server, redis } = connected;
  await using hook = await startHttpEndpoint();
  await using queue = openQueue('dump', 'default', redis);
  await publish(redis, 'default', publishedCatalog({ orders: [{ takenAt: hoursAgo(1) }] }));
  // As if requested a month ago.
  await queue.pause();
  await queue.add('first', { target: 'shop' }, { timestamp: hoursAgo(30 * 24).getTime() });
  const env = {
    REDIS_URL: server.url,
    POSTGRES_DB: 'shop,orders',
    S3_BUCKET: PUBLISHED_BUCKET,
    BACKUP_CRON: '0 3 * * *',
    BACKUP_INTERVAL: '',
    NOTIFY_URLS: hook.url.replace('http:', 'generic+http:'),
  };
  await using scheduler = await startScheduler(env);
  const why = 'it has never been backed up: its first dump has been due for 30d, and the queue dump is paused';
  await eventually(() => postedTo(hook).length > 0);
  expect(postedTo(hook)).toMatchObject([{ event: 'raised', kind: 'stale', database: 'shop', happened: why }]);
  const health = await scheduler.request('/healthz');
  expect([health.status, await health.json()]).toMatchObject([
    503,
    {
      databases: { notYet: 0, notProtected: 1 },
      details: [{ database: 'shop', protection: 'no', reasons: [why] }, {}],
    },
  ]);
  expect(await (await scheduler.request('/metrics')).text()).toContain(
    'pgstow_database_protected{database="shop"} 0\n',
  );
  expect(await (await scheduler.request('/')).text()).toContain('1 of your 2 databases is not protected');
  // The wait goes on after its job was lost and another one has begun.
  await queue.drain();
  await queue.add('first', { target: 'shop' });
  await eventually(async () => (await redis.hexists('pgstow:default:wanted-since', 'backup:shop')) === 1);
  await redis.hset('pgstow:default:wanted-since', 'backup:shop', hoursAgo(2).getTime());
  expect((await scheduler.request('/healthz')).status).toBe(503);
  expect(await (await scheduler.request('/')).text()).toContain('has been due for 2h');
  await queue.resume();
  await publish(
    redis,
    'default',
    publishedCatalog({ shop: [{ takenAt: hoursAgo(0) }], orders: [{ takenAt: hoursAgo(1) }] }),
  );
  await using _again = await startScheduler(env);
  await eventually(() => postedTo(hook).length > 1);
  expect(postedTo(hook)[1]).toMatchObject({ event: 'recovered', kind: 'stale', database: 'shop' });
  await eventually(async () => (await redis.hexists('pgstow:default:wanted-since', 'backup:shop')) === 0);
});

test.skipIf(!hasRedis())(
  'restore tests that have ceased are a fault, and raise one alarm until they come to a verdict',
  async () => {
    await using connected = await startConnectedRedis();
    const { server, redis } = connected;
    await using hook = await startHttpEndpoint();
    await using tests = openQueue('verify', 'default', redis);
    const env = {
      REDIS_URL: server.url,
      POSTGRES_DB: 'shop',
      S3_BUCKET: PUBLISHED_BUCKET,
      BACKUP_INTERVAL: '86400',
      NOTIFY_URLS: hook.url.replace('http:', 'generic+http:'),
    };
    const say = (test: 'could-not-tell' | 'bad') =>
      publish(
        redis,
        'default',
        publishedCatalog({
          shop: [
            { takenAt: hoursAgo(60 * 24), test: 'good' },
            { takenAt: hoursAgo(30) },
            { takenAt: hoursAgo(6), test },
          ],
        }),
      );
    const why =
      'no restore test of it has come to a verdict for 59d 23h, and each backup should be tested after its upload; the last one could not tell: public.orders has 1 row, not 2';
    await say('could-not-tell');
    // While paused, missed runs are not made up for.
    await tests.pause();
    for (let round = 0; round < 2; round += 1) {
      await using scheduler = await startScheduler(env);
      await eventually(() => postedTo(hook).length > 0);
      const health = await scheduler.request('/healthz');
      expect([health.status, await health.json()]).toMatchObject([
        503,
        { details: [{ database: 'shop', protection: 'no', reasons: [why] }] },
      ]);
      const page = (await (await scheduler.request('/')).text()).replaceAll(/\s+/g, ' ');
      expect(page).toContain('Backups of shop are not tested as they should be');
      expect(page).toMatch(
        /could not tell<\/span>, <time[^>]*>5h 55m ago<\/time>.*; last verdict <time[^>]*>59d 23h ago</,
      );
      const metrics = await (await scheduler.request('/metrics')).text();
      expect(metrics).toContain('pgstow_restore_test_overdue{database="shop"} 1\n');
      expect(Number(/pgstow_last_verdict_timestamp_seconds\{database="shop"\} (\S+)/.exec(metrics)?.[1])).toBeCloseTo(
        hoursAgo(60 * 24).getTime() / 1000 + 300,
        -2,
      );
      await eventually(async () => (await redis.hexists('pgstow:default:wanted-since', 'verdict:shop')) === 1);
      await scheduler.process.stop();
    }
    expect(postedTo(hook)).toMatchObject([
      { event: 'raised', kind: 'restore-test-overdue', severity: 'warning', database: 'shop', happened: why },
    ]);
    // Switched off, they are not waited for.
    {
      await using scheduler = await startScheduler({ ...env, VERIFY_SCHEDULE: 'off' });
      expect((await (await scheduler.request('/healthz')).json()) as object).toMatchObject({
        details: [{ protection: 'yes' }],
      });
      await eventually(() => postedTo(hook).length === 2);
    }
    {
      await using _scheduler = await startScheduler(env);
      await eventually(() => postedTo(hook).length === 3);
    }
    // A bad verdict is a verdict, with its own alarm.
    await say('bad');
    {
      await using scheduler = await startScheduler(env);
      await eventually(() => postedTo(hook).length === 4);
      expect(await (await scheduler.request('/metrics')).text()).toContain(
        'pgstow_restore_test_overdue{database="shop"} 0\n',
      );
      await eventually(async () => (await redis.exists('pgstow:default:wanted-since')) === 0);
    }
    expect(postedTo(hook).map(({ event, kind }) => `${String(event)} ${String(kind)}`)).toEqual([
      'raised restore-test-overdue',
      'recovered restore-test-overdue',
      'raised restore-test-overdue',
      'recovered restore-test-overdue',
    ]);
  },
);
