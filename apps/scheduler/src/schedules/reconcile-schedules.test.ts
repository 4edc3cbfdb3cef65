import type { Schedule } from '@pgstow/shared/config/subjects/schedule.ts';
import type { VerifyConfig } from '@pgstow/shared/config/subjects/verify.ts';
import { scheduledJobId, scheduleId, verifyScheduleId } from '@pgstow/shared/contract/jobs.ts';
import {
  enqueueDump,
  jobOptions,
  openQueue,
  plannedJobOptions,
  queuePrefix,
  type OpenQueue,
} from '@pgstow/shared/runtime/jobs/queue.ts';
import { createLog, type Log } from '@pgstow/shared/runtime/log/log.ts';
import { connectRedis, type RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { startRedis, type RedisServer } from '@pgstow/testing/servers/redis-server.ts';
import { Worker } from 'bullmq';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { reconcileSchedules } from './reconcile-schedules.ts';
import { wantDumps, wantRestoreTests } from './wanted-entries.ts';
import { watchSchedules } from './watch-schedules.ts';

const every = (everyMs: number): Schedule => ({ kind: 'interval', everyMs });
const at = (pattern: string, timeZone = 'UTC'): Schedule => ({ kind: 'cron', pattern, timeZone });
const HOUR = 3_600_000;
/** Far from now, whenever the tests run. */
const rarely = at('0 0 29 2 *');
const log: Log = createLog('test', 'fatal', String);

describe.skipIf(!hasRedis())('schedules in Redis', () => {
  let server: RedisServer;
  let redis: RedisConnection;
  let queue: OpenQueue<'dump'> & AsyncDisposable;

  beforeAll(async () => {
    server = await startRedis();
    redis = await connectRedis(server.url, log);
  });
  beforeEach(async () => {
    await server.flush();
    queue = openQueue('dump', 'default', redis);
  });
  afterEach(() => queue[Symbol.asyncDispose]());
  afterAll(async () => {
    await redis[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  const reconcile = (schedule: Schedule, targets: readonly string[] = ['shop']) =>
    reconcileSchedules(wantDumps({ queue, targets, schedule, log }));
  const nextRun = async (target = 'shop') => (await queue.getJobScheduler(scheduleId(target)))?.next ?? 0;
  const names = async (...states: ('prioritized' | 'delayed')[]) =>
    (await queue.getJobs(states)).map((job) => job.name).sort();

  /** The dump of the first start is not what the test is about. */
  const removeFirst = async () => {
    for (const job of await queue.getJobs(['prioritized'])) if (job.name === 'first') await job.remove();
  };

  /** Takes jobs as a dump worker would, and tells which. */
  async function work(): Promise<AsyncDisposable & { readonly done: string[] }> {
    const done: string[] = [];
    const worker = new Worker('dump', async (job) => void done.push(`${job.name} ${job.data.target}`), {
      connection: { url: server.url, maxRetriesPerRequest: null },
      prefix: queuePrefix('default'),
      settings: { backoffStrategy: () => 1000 },
    });
    worker.on('error', () => undefined);
    await worker.waitUntilReady();
    return { done, [Symbol.asyncDispose]: () => worker.close() };
  }

  test('the first start asks for a dump of each target at once, by interval or by pattern', async () => {
    await reconcile(every(HOUR), ['shop', 'my db']);
    expect(await names('prioritized', 'delayed')).toEqual(['scheduled', 'scheduled']);
    await server.flush();
    await reconcile(at('0 3 * * *', 'Europe/Berlin'), ['shop', 'my db']);
    expect(await names('prioritized')).toEqual(['first', 'first']);
    expect(await names('delayed')).toEqual(['scheduled', 'scheduled']);
    expect(new Date(await nextRun()).toISOString()).toMatch(/T0[12]:00:00/);
  });

  test('jobs carry the target alone, and options with retries', async () => {
    await reconcile(every(HOUR));
    const [job] = await queue.getJobs(['prioritized']);
    expect(job?.data).toEqual({ target: 'shop' });
    expect(job?.opts).toMatchObject(plannedJobOptions.dump);
  });

  test.each([every(HOUR), rarely])('a restart changes nothing: $kind', async (schedule) => {
    await using worker = await work();
    await reconcile(schedule);
    await eventually(() => worker.done.length === 1);
    const before = await eventually(async () => ((await nextRun()) > Date.now() ? nextRun() : 0));
    for (let i = 0; i < 3; i += 1) await reconcile(schedule);
    expect(await nextRun()).toBe(before);
    expect(await names('prioritized', 'delayed')).toEqual(['scheduled']);
    expect(worker.done).toHaveLength(1);
  });

  test.each([every(1000), at('* * * * * *')])(
    'runs missed while everything was down are caught up once: $kind',
    async (schedule) => {
      await reconcile(schedule);
      await removeFirst();
      const due = await nextRun();
      await eventually(() => Date.now() > due + 2500);
      for (let i = 0; i < 2; i += 1) await reconcile(schedule);
      expect(await nextRun()).toBe(due);
      expect(await queue.getJobCountByTypes('prioritized', 'delayed')).toBe(1);
      // One late run, and from there on one a second again.
      const startedAt = Date.now();
      await using worker = await work();
      await eventually(() => worker.done.length === 3);
      expect(Date.now() - startedAt).toBeGreaterThan(1000);
    },
  );

  test('the worker goes on by itself while no scheduler is there', async () => {
    await using worker = await work();
    await reconcile(every(500));
    await eventually(() => worker.done.length >= 4);
    expect(new Set(worker.done)).toEqual(new Set(['scheduled shop']));
  });

  test.each([every(HOUR), rarely])('a run that is promoted costs no later one: $kind', async (schedule) => {
    await using worker = await work();
    await reconcile(schedule);
    await eventually(() => worker.done.length === 1);
    const before = await eventually(async () => ((await nextRun()) > Date.now() ? nextRun() : 0));
    for (let promoted = 1; promoted <= 3; promoted += 1) {
      const [next] = await queue.getJobs(['delayed']);
      await next?.promote();
      await eventually(() => worker.done.length === 1 + promoted);
    }
    await eventually(async () => (await nextRun()) > before);
    await reconcile(schedule);
    expect(await nextRun()).toBe(before);
    // A second look finds nothing to do, and no run was made on the way.
    await reconcile(schedule);
    expect(await nextRun()).toBe(before);
    expect(await names('prioritized', 'delayed')).toEqual(['scheduled']);
    expect(worker.done).toHaveLength(4);
  });

  test('a changed interval takes effect', async () => {
    await using worker = await work();
    await reconcile(every(HOUR));
    await eventually(() => worker.done.length === 1);
    await reconcile(every(700));
    await eventually(() => worker.done.length >= 4);
    await reconcile(every(HOUR));
    await eventually(async () => (await nextRun()) > Date.now() + HOUR / 2);
    expect(await queue.getJobSchedulersCount()).toBe(1);
  });

  test('an interval becomes a pattern and back', async () => {
    await using worker = await work();
    await reconcile(every(HOUR));
    await eventually(() => worker.done.length === 1);
    await reconcile(rarely);
    expect(await queue.getJobScheduler(scheduleId('shop'))).toMatchObject({ pattern: '0 0 29 2 *', tz: 'UTC' });
    expect((await queue.getJobScheduler(scheduleId('shop')))?.every).toBeUndefined();
    expect(worker.done).toHaveLength(1);
    await reconcile(every(HOUR));
    await eventually(() => worker.done.length === 2);
    expect(await names('prioritized', 'delayed')).toEqual(['scheduled']);
  });

  test('a missed run is caught up when the pattern changes before it was taken', async () => {
    await reconcile(at('* * * * * *'));
    await removeFirst();
    const due = await nextRun();
    await eventually(() => Date.now() > due);
    await reconcile(rarely);
    await reconcile(rarely);
    expect(await names('prioritized')).toEqual(['catch-up']);
    expect(await names('delayed')).toEqual(['scheduled']);
    await using worker = await work();
    await eventually(() => worker.done.includes('catch-up shop'));
  });

  test('a target that is not configured any more is not dumped any more, not even for a missed run', async () => {
    await reconcile(every(1000), ['shop', 'old']);
    await queue.upsertJobScheduler('somebody-elses', { every: HOUR }, { name: 'scheduled', data: { target: 'other' } });
    await reconcile(every(1000), ['shop']);
    expect((await queue.getJobSchedulers()).map((scheduler) => scheduler.key).sort()).toEqual([
      'dump.shop',
      'somebody-elses',
    ]);
    await using worker = await work();
    await eventually(() => worker.done.filter((job) => job === 'scheduled shop').length === 3);
    expect(worker.done).not.toContain('scheduled old');
  });

  test('options of an older version are renewed, and a missed run survives that', async () => {
    const old = { name: 'scheduled', data: { target: 'shop' }, opts: { attempts: 1 } };
    await queue.upsertJobScheduler(scheduleId('shop'), { every: HOUR }, old);
    const due = await nextRun();
    await reconcile(every(HOUR));
    const [job, ...others] = await queue.getJobs(['prioritized', 'delayed']);
    expect(others).toEqual([]);
    expect(job?.opts).toMatchObject(plannedJobOptions.dump);
    expect(await nextRun()).toBe(due);
  });

  test('entries of the version that gave jobs no priority are brought over once no run of theirs is due', async () => {
    const old = (target: string) => ({ name: 'scheduled', data: { target }, opts: jobOptions.dump });
    await queue.upsertJobScheduler(scheduleId('shop'), { pattern: '* * * * * *', tz: 'UTC' }, old('shop'));
    const due = await nextRun();
    await eventually(() => Date.now() > due);
    await reconcile(at('* * * * * *'));
    // The run that is due is kept as it is, and so is what makes the next.
    expect(await queue.getJob(scheduledJobId(scheduleId('shop'), due))).toMatchObject({ priority: 0 });
    expect(await nextRun()).toBe(due);
    await queue.upsertJobScheduler(scheduleId('crm'), { pattern: '0 0 29 2 *', tz: 'UTC' }, old('crm'));
    const later = await nextRun('crm');
    await reconcile(rarely, ['crm']);
    expect(await nextRun('crm')).toBe(later);
    expect(await queue.getJob(scheduledJobId(scheduleId('crm'), later))).toMatchObject({ priority: 10 });
    expect((await queue.getJobScheduler(scheduleId('crm')))?.template?.opts).toEqual(plannedJobOptions.dump);
  });

  test('a dump that a person asks for goes before those that are due, also the next time', async () => {
    const targets = Array.from({ length: 20 }, (_, i) => `db-${i}`);
    await reconcile(every(HOUR), targets);
    await enqueueDump(queue, 'shop', 'ad-hoc');
    await using worker = await work();
    await eventually(() => worker.done.length === 21);
    expect(worker.done[0]).toBe('ad-hoc shop');
    const delayed = await eventually(async () => {
      const jobs = await queue.getJobs(['delayed']);
      return jobs.length === 20 ? jobs : null;
    });
    expect(new Set(delayed.map(({ priority }) => priority))).toEqual(new Set([10]));
  });

  test('an entry whose next job was lost fires again', async () => {
    await reconcile(every(HOUR));
    const keys = `${queuePrefix('default')}:dump`;
    await redis.del(`${keys}:prioritized`, `${keys}:repeat:dump.shop:${await nextRun()}`);
    await reconcile(every(HOUR));
    await using worker = await work();
    await eventually(() => worker.done.includes('catch-up shop'));
    expect(await names('delayed')).toEqual(['scheduled']);
  });

  describe.each([every(HOUR), rarely])('of which Redis lost a part are whole again: $kind', (schedule) => {
    const key = (name: string) => `${queuePrefix('default')}:dump:${name}`;

    test.each<[string, (job: string) => readonly string[]]>([
      ['the place of the next job', () => ['wait', 'delayed', 'prioritized']],
      ['the next job but for its place', (job) => [job]],
      ['what the entry says', () => ['repeat:dump.shop']],
      ['the list of entries', () => ['repeat']],
    ])('%s', async (_what, lost) => {
      await using worker = await work();
      await reconcile(schedule);
      await eventually(() => worker.done.length === 1);
      const next = await eventually(async () => ((await nextRun()) > Date.now() ? nextRun() : 0));
      await redis.del(...lost(`repeat:dump.shop:${next}`).map(key));
      for (let i = 0; i < 3; i += 1) await reconcile(schedule);
      expect(await queue.getJobSchedulersCount()).toBe(1);
      const id = scheduledJobId(scheduleId('shop'), await nextRun());
      expect(await queue.getJobState(id)).toBe('delayed');
      expect(await queue.getJob(id)).toMatchObject({ name: 'scheduled', data: { target: 'shop' } });
      // Nothing that is not a job is left for a worker to take.
      expect(await names('prioritized', 'delayed')).not.toContain(undefined);
    });
  });

  test.each([every(HOUR), at('0 3 * * *')])(
    'many at the same time make one entry and one job: $kind',
    async (schedule) => {
      await using worker = await work();
      await Promise.all(Array.from({ length: 8 }, () => reconcile(schedule)));
      await eventually(() => worker.done.length > 0);
      await Promise.all(Array.from({ length: 8 }, () => reconcile(schedule)));
      await eventually(async () => (await queue.getJobCountByTypes('prioritized', 'active')) === 0);
      expect(worker.done).toHaveLength(1);
      expect(await queue.getJobSchedulersCount()).toBe(1);
      expect(await names('prioritized', 'delayed')).toEqual(['scheduled']);
    },
  );

  test('a Redis that was emptied has its schedules again without a restart', async () => {
    using schedules = watchSchedules(wantDumps({ queue, targets: ['shop'], schedule: every(HOUR), log }), 100);
    expect(schedules.fault).toContain('not written yet');
    await schedules.start();
    expect(schedules.fault).toBeUndefined();
    await server.flush();
    await eventually(() => nextRun());
  });

  test('a Redis that was full at the start has them, as they are wanted, once it takes them', async () => {
    using before = watchSchedules(wantDumps({ queue, targets: ['gone'], schedule: every(HOUR), log }));
    await before.start();
    using schedules = watchSchedules(wantDumps({ queue, targets: ['shop'], schedule: every(HOUR), log }), 100);
    expect(await server.command('CONFIG SET maxmemory 1')).toBe('+OK');
    try {
      await schedules.start();
      expect(schedules.fault).toBe('the schedules could not be checked');
    } finally {
      await server.command('CONFIG SET maxmemory 0');
    }
    await eventually(() => schedules.fault === undefined);
    expect((await queue.getJobSchedulers(0, -1)).map(({ key }) => key)).toEqual([scheduleId('shop')]);
  });

  test('two schedulers of different configurations do not undo each other for ever', async () => {
    using one = watchSchedules(wantDumps({ queue, targets: ['shop'], schedule: every(HOUR), log }), 50);
    using two = watchSchedules(wantDumps({ queue, targets: ['crm'], schedule: every(2 * HOUR), log }), 50);
    await using worker = await work();
    await one.start();
    await two.start();
    await eventually(async () => (await queue.getJobSchedulersCount()) === 2);
    for (const target of ['shop', 'crm']) await eventually(async () => (await nextRun(target)) > Date.now());
    const runs = [await nextRun('shop'), await nextRun('crm')];
    const until = Date.now() + 1000;
    await eventually(() => Date.now() > until);
    expect([await nextRun('shop'), await nextRun('crm')]).toEqual(runs);
    expect(worker.done.length).toBeLessThanOrEqual(3);
  });

  test('of restore tests are there while they have a pattern of their own, for each target, and gone afterwards', async () => {
    await using verifications = openQueue('verify', 'default', redis);
    const reconcileTests = (schedule: VerifyConfig['schedule'], targets: readonly string[], places = ['s3']) =>
      Promise.all(
        wantRestoreTests({ queue: verifications, targets, schedule, places, log }).map((each) =>
          reconcileSchedules(each),
        ),
      );
    const schedulers = async () => (await verifications.getJobSchedulers(0, -1)).map(({ key }) => key).sort();
    const atFive = { kind: 'cron', pattern: '0 5 29 2 *', timeZone: 'Europe/Berlin' } as const;

    await reconcileTests(atFive, ['shop', 'my db']);
    expect(await schedulers()).toEqual([verifyScheduleId('my db'), verifyScheduleId('shop')]);
    expect(await verifications.getJobScheduler(verifyScheduleId('shop'))).toMatchObject({
      pattern: '0 5 29 2 *',
      tz: 'Europe/Berlin',
      template: { data: { target: 'shop', destination: 's3' }, opts: plannedJobOptions.verify },
    });
    // No first one beside the entry, as there is of dumps.
    expect(await verifications.getJobCountByTypes('prioritized')).toBe(0);
    await reconcileTests(atFive, ['shop']);
    expect(await schedulers()).toEqual([verifyScheduleId('shop')]);

    await reconcileTests(atFive, ['shop'], ['s3', 'copy']);
    expect(await schedulers()).toEqual([verifyScheduleId('shop'), 'verify.shop+copy']);
    expect(await verifications.getJobScheduler('verify.shop+copy')).toMatchObject({
      template: { data: { target: 'shop', destination: 'copy' } },
    });
    await reconcileTests(atFive, ['shop'], ['copy']);
    expect(await schedulers()).toEqual([verifyScheduleId('shop')]);
    expect(await verifications.getJobScheduler(verifyScheduleId('shop'))).toMatchObject({
      template: { data: { destination: 'copy' } },
    });
    await reconcileTests({ kind: 'after-upload' }, ['shop']);
    expect(await schedulers()).toEqual([]);
    await reconcileTests(atFive, ['shop']);
    await reconcileTests({ kind: 'off' }, ['shop']);
    expect(await schedulers()).toEqual([]);
    expect(await verifications.getJobCountByTypes('prioritized', 'delayed')).toBe(0);
  });
});
