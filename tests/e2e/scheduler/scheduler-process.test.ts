import { once } from 'node:events';
import { createServer, connect } from 'node:net';
import { openQueue, queuePrefix, type OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import type { RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import type { RedisServer } from '@pgstow/testing/servers/redis-server.ts';
import { Worker } from 'bullmq';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startConnectedRedis } from '../stage/processes/start-connected-redis.ts';
import {
  BOARD_PASSWORD,
  POSTGRES_PASSWORD,
  launchScheduler,
  startScheduler,
} from '../stage/processes/start-scheduler.ts';

describe.skipIf(!hasRedis())('the scheduler as a process', () => {
  const cleanup = new AsyncDisposableStack();
  let server: RedisServer;
  let redis: RedisConnection;
  let queue: OpenQueue<'dump'> & AsyncDisposable;

  beforeAll(async () => {
    ({ server, redis } = cleanup.use(await startConnectedRedis({ appendOnly: true })));
  });
  beforeEach(async () => {
    await server.flush();
    queue = openQueue('dump', 'default', redis);
  });
  afterEach(() => queue[Symbol.asyncDispose]());
  afterAll(() => cleanup.disposeAsync());

  const start = (env: Readonly<Record<string, string>> = {}) => startScheduler({ REDIS_URL: server.url, ...env });
  const pending = async () => (await queue.getJobs(['prioritized', 'delayed'])).map((job) => job.id ?? '').sort();

  /** Takes jobs as a dump worker does, and notes when each was due. */
  function work(): AsyncDisposable & { readonly dueAt: number[]; readonly targets: string[] } {
    const dueAt: number[] = [];
    const targets: string[] = [];
    const worker = new Worker(
      'dump',
      async (job) => {
        dueAt.push(Number(job.id?.split(':').at(-1)));
        targets.push(String(job.data.target));
      },
      { connection: { url: server.url, maxRetriesPerRequest: null }, prefix: queuePrefix('default') },
    );
    worker.on('error', () => undefined);
    return { dueAt, targets, [Symbol.asyncDispose]: () => worker.close() };
  }

  test('killed and started again and again, it neither doubles nor drops a run', async () => {
    await using worker = work();
    for (let round = 0; round < 3; round += 1) {
      await using scheduler = await start({ BACKUP_INTERVAL: '1' });
      const runs = worker.dueAt.length;
      await eventually(() => worker.dueAt.length > runs + 1);
      await scheduler.process.kill();
    }
    const gaps = worker.dueAt.slice(1).map((due, index) => due - (worker.dueAt[index] ?? 0));
    expect(new Set(gaps)).toEqual(new Set([1000]));
    expect(await queue.getJobSchedulersCount()).toBe(1);
  });

  test('asks for restore tests on a schedule of their own, and is healthy though that queue is paused', async () => {
    await using verifications = openQueue('verify', 'default', redis);
    await using scheduler = await start({ VERIFY_SCHEDULE: '0 5 29 2 *', TZ: 'Europe/Berlin', S3_BUCKET: 'backups' });
    expect(await verifications.getJobSchedulers(0, -1)).toMatchObject([
      {
        key: 'verify.shop',
        pattern: '0 5 29 2 *',
        tz: 'Europe/Berlin',
        template: { data: { target: 'shop', destination: 's3' } },
      },
    ]);
    await verifications.pause();
    expect((await fetch(`${scheduler.base}/healthz`)).status).toBe(200);
    await queue.pause();
    expect((await fetch(`${scheduler.base}/healthz`)).status).toBe(503);
    await queue.resume();
    await using again = await start({ VERIFY_SCHEDULE: 'off' });
    await again.process.waitForLine(/the queue verify is paused/);
    expect(await verifications.getJobSchedulers(0, -1)).toEqual([]);
    await verifications.resume();
  });

  test('a run that was missed while all was down, Redis too, is made once', async () => {
    {
      await using scheduler = await start({ BACKUP_CRON: '* * * * * *', BACKUP_INTERVAL: '', TZ: 'Europe/Berlin' });
      await scheduler.process.kill();
    }
    for (const job of await queue.getJobs(['prioritized'])) if (job.name === 'first') await job.remove();
    const due = (await queue.getJobScheduler('dump.shop'))?.next ?? 0;
    await server.kill();
    await eventually(() => Date.now() > due + 2000);
    await server.start();
    await eventually(() => redis.status === 'ready');
    await using _scheduler = await start({ BACKUP_CRON: '* * * * * *', BACKUP_INTERVAL: '', TZ: 'Europe/Berlin' });
    expect(await pending()).toEqual([`repeat:dump.shop:${due}`]);
    await using worker = work();
    await eventually(() => worker.dueAt.length >= 3);
    expect(worker.dueAt[0]).toBe(due);
    expect(worker.dueAt[1]).toBeGreaterThan(due + 2000);
  });

  test('a changed interval takes effect, and a database that is gone from the configuration is left alone', async () => {
    await using worker = work();
    {
      await using _first = await start({ POSTGRES_DB: 'shop,old' });
      await eventually(() => worker.targets.length === 2);
    }
    await using second = await start({ BACKUP_INTERVAL: '1', POSTGRES_DB: 'shop' });
    const removal = await second.process.waitForLine(/schedule: remove/);
    expect(removal.json).toMatchObject({ schedule: 'dump.old', reason: 'the configuration does not ask for it' });
    await eventually(() => worker.targets.length >= 5);
    expect(worker.targets.slice(2)).not.toContain('old');
  });

  test('a cron pattern follows its time zone', async () => {
    const env = { BACKUP_CRON: '30 3 * * *', BACKUP_INTERVAL: '', TZ: 'Asia/Kathmandu' };
    await using _scheduler = await start(env);
    const next = new Date((await queue.getJobScheduler('dump.shop'))?.next ?? 0);
    expect(next.toISOString()).toMatch(/T21:45:00\.000Z$/);
    expect(await pending()).toHaveLength(2);
  });

  test('two at the same time make one entry and one job', async () => {
    await using worker = work();
    const schedulers = await Promise.all([start(), start()]);
    await eventually(() => worker.targets.length > 0);
    await eventually(async () => (await queue.getJobCountByTypes('prioritized', 'active')) === 0);
    expect(worker.targets).toEqual(['shop']);
    expect(await pending()).toHaveLength(1);
    for (const scheduler of schedulers) await scheduler[Symbol.asyncDispose]();
  });

  test('Redis emptied: the next start brings the schedules back', async () => {
    await using first = await start();
    await first.process.stop();
    await server.flush();
    await using _second = await start();
    expect(await queue.getJobSchedulersCount()).toBe(1);
  });

  test('names of databases that are no plain words are schedules all the same', async () => {
    await using _scheduler = await start({ POSTGRES_DB: '../etc,my db,"a,b",-rf,größe:1' });
    const jobs = await queue.getJobs(['prioritized']);
    expect(jobs.map((job) => job.data.target).sort()).toEqual(['-rf', '../etc', 'a,b', 'größe:1', 'my db']);
  });

  test('SIGTERM ends it, an open connection or none, Redis there or not', async () => {
    await using one = await start();
    const socket = connect(Number(new URL(one.base).port), '127.0.0.1');
    socket.on('error', () => undefined).write('GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n');
    await once(socket, 'data');
    expect(await one.process.stop('SIGTERM')).toEqual({ code: 0, signal: null });

    await using two = await start();
    await server.stop();
    expect(await two.process.stop('SIGINT')).toEqual({ code: 0, signal: null });
    await server.start();
    await eventually(() => redis.status === 'ready');
  });

  test('/healthz says whether Redis answers, and recovers; /livez says that the process lives', async () => {
    await using scheduler = await start();
    const health = async () => {
      const answer = await fetch(`${scheduler.base}/healthz`);
      return { status: answer.status, body: await answer.json() };
    };
    expect(await health()).toMatchObject({ status: 200, body: { status: 'ok', reasons: [] } });
    await server.stop();
    expect(await health()).toEqual({
      status: 503,
      body: { status: 'unavailable', reasons: ['redis does not answer within 2 s'] },
    });
    expect((await fetch(`${scheduler.base}/livez`)).status).toBe(200);
    await server.start();
    await eventually(async () => (await health()).status === 200);
  });

  test('Redis away at the start: it says so and ends', async () => {
    await using scheduler = await launchScheduler({ REDIS_URL: 'redis://:canary-redis@127.0.0.1:9' });
    expect(await scheduler.waitForExit()).toEqual({ code: 1, signal: null });
    expect(scheduler.tail).toContain('redis at 127.0.0.1:9 does not answer');
    expect(scheduler.tail).not.toContain('canary');
  });

  test('a taken port: one message says so, and it ends', async () => {
    await using taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    await using scheduler = await launchScheduler({ REDIS_URL: server.url, BOARD_PORT: String(port) });
    expect(await scheduler.waitForExit()).toEqual({ code: 1, signal: null });
    const errors = scheduler.lines.filter((line) => Number(line.json?.['level']) >= 50);
    expect(errors).toHaveLength(1);
    expect(errors[0]?.json?.['err']).toContain(`cannot listen on 127.0.0.1:${port}: the port is taken\nhint: `);
    expect(await queue.getJobSchedulersCount()).toBe(0);
  });

  test('no secret in what it logs', async () => {
    await using scheduler = await start({ LOG_LEVEL: 'trace' });
    await scheduler.request('/queues/api/queues');
    await scheduler.process.stop();
    for (const secret of [POSTGRES_PASSWORD, BOARD_PASSWORD]) expect(scheduler.process.tail).not.toContain(secret);
  });
});
