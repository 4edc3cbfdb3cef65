import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { startRedis, type RedisServer } from '@pgstow/testing/servers/redis-server.ts';
import { Worker, type Job } from 'bullmq';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { formatBackupName } from '../../contract/backup-name.ts';
import { firstJobId, uploadJobId } from '../../contract/jobs.ts';
import { createLog } from '../log/log.ts';
import { connectRedis, type RedisConnection } from '../redis/redis.ts';
import {
  enqueueDump,
  enqueueUpload,
  enqueueVerify,
  jobOptions,
  openQueue,
  queuePrefix,
  type OpenQueue,
} from './queue.ts';

const name = formatBackupName('shop', new Date('2026-03-01T04:05:06Z'));
const id = uploadJobId(name, 's3');
const log = createLog('test', 'fatal', String);

describe.skipIf(!hasRedis())('an upload', () => {
  let server: RedisServer;
  let redis: RedisConnection;
  let uploads: OpenQueue<'upload'> & AsyncDisposable;
  let worker: Worker;
  const token = 'token';

  beforeAll(async () => {
    server = await startRedis();
    redis = await connectRedis(server.url, log);
  });
  beforeEach(async () => {
    await server.flush();
    uploads = openQueue('upload', 'default', redis);
    // Jobs are taken and ended by hand.
    worker = new Worker('upload', null, { connection: redis, prefix: queuePrefix('default'), autorun: false });
    worker.on('error', () => undefined);
  });
  afterEach(async () => {
    await worker.close(true);
    await uploads[Symbol.asyncDispose]();
  });
  afterAll(async () => {
    await redis[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  const ask = () => enqueueUpload(uploads, name, 's3');
  const take = async (): Promise<Job> => {
    const job = await worker.getNextJob(token);
    if (job === undefined) throw new Error('wanted a waiting job, found none');
    return job;
  };
  const state = () => uploads.getJobState(id);

  it('that nobody asked for waits, with its names and its many attempts', async () => {
    await ask();
    const job = await uploads.getJob(id);
    expect(job?.data).toEqual({ name, destination: 's3' });
    expect(job?.opts).toMatchObject(jobOptions.upload);
    expect(await state()).toBe('waiting');
  });

  it('that waits, runs or sleeps is left as it is', async () => {
    await ask();
    const before = (await uploads.getJob(id))?.timestamp;
    await ask();
    const job = await take();
    await ask();
    expect(await state()).toBe('active');
    await job.moveToDelayed(Date.now() + 3_600_000, token);
    await ask();
    expect(await state()).toBe('delayed');
    expect((await uploads.getJob(id))?.timestamp).toBe(before);
    expect(await uploads.getJobCounts('waiting', 'active')).toEqual({ waiting: 0, active: 0 });
  });

  it('that failed for good is tried anew, all its attempts before it, and keeps its log and why it failed', async () => {
    await ask();
    const fail = async (reason: string) => {
      const job = await take();
      await job.log(`found ${reason}`);
      job.opts.attempts = 0;
      await job.moveToFailed(new Error(reason), token);
      expect(await state()).toBe('failed');
    };
    await fail('no such bucket');
    await ask();
    expect(await state()).toBe('waiting');
    expect(await uploads.getJob(id)).toMatchObject({ attemptsMade: 0, attemptsStarted: 1 });
    expect((await uploads.getJob(id))?.failedReason).toBeUndefined();
    await fail('no such key');
    await ask();
    expect((await uploads.getJobLogs(id)).logs).toEqual([
      'found no such bucket',
      expect.stringMatching(
        /^\d{4}-\S+Z asked for anew; begun 1 times so far, and failed for good by: no such bucket$/,
      ),
      'found no such key',
      expect.stringMatching(/^\d{4}-\S+Z asked for anew; begun 2 times so far, and failed for good by: no such key$/),
    ]);
    expect(JSON.stringify((await uploads.getJob(id))?.stacktrace)).toMatch(/no such bucket.*no such key/);
  });

  it.each([
    ['without its place', 'wait'],
    ['without anything but its place', id],
  ])('that Redis has lost in part, %s, is asked for as if it were new', async (_what, lost) => {
    await ask();
    await redis.del(uploads.toKey(lost));
    await Promise.all([ask(), ask(), ask()]);
    expect(await state()).toBe('waiting');
    const job = await take();
    expect(job.data).toEqual({ name, destination: 's3' });
    await job.moveToCompleted('done', token);
    expect(await state()).toBe('completed');
  });

  it.each(['completed', 'failed'] as const)('of which Redis has lost all but that it %s is asked for', async (end) => {
    await ask();
    const job = await take();
    job.opts.attempts = 0;
    if (end === 'completed') await job.moveToCompleted('done', token);
    else await job.moveToFailed(new Error('x'), token);
    await redis.del(uploads.toKey(id));
    expect(await state()).toBe(end);
    await ask();
    expect(await state()).toBe('waiting');
    expect((await take()).data).toEqual({ name, destination: 's3' });
  });

  it('that runs is left to its worker, though Redis has lost its place', async () => {
    await ask();
    const { timestamp } = await take();
    await redis.del(uploads.toKey('active'));
    await ask();
    expect(await state()).toBe('unknown');
    expect((await uploads.getJob(id))?.timestamp).toBe(timestamp);
    // Once that worker is gone, so is its lock.
    await redis.del(uploads.toKey(`${id}:lock`));
    await ask();
    expect(await state()).toBe('waiting');
  });

  it('that was done is done again', async () => {
    await ask();
    await (await take()).moveToCompleted('done', token);
    expect(await state()).toBe('completed');
    await ask();
    expect(await state()).toBe('waiting');
    expect((await uploads.getJob(id))?.returnvalue).toBeNull();
  });

  it('that many ask for at once is one job, whatever became of the last', async () => {
    const queues = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const connection = await connectRedis(server.url, log);
        return { connection, queue: openQueue('upload', 'default', connection) };
      }),
    );
    try {
      for (const end of ['fresh', 'completed', 'failed'] as const) {
        if (end === 'completed') await (await take()).moveToCompleted('done', token);
        if (end === 'failed') {
          const job = await take();
          job.opts.attempts = 0;
          await job.moveToFailed(new Error('x'), token);
        }
        await Promise.all(
          Array.from({ length: 40 }, (_, i) => enqueueUpload(queues[i % 4]?.queue ?? uploads, name, 's3')),
        );
        const counts = await uploads.getJobCounts('waiting', 'active', 'delayed', 'completed', 'failed');
        expect(counts).toEqual({ waiting: 1, active: 0, delayed: 0, completed: 0, failed: 0 });
      }
    } finally {
      for (const { connection, queue } of queues) {
        await queue[Symbol.asyncDispose]();
        await connection[Symbol.asyncDispose]();
      }
    }
  });

  it('and a restore test or dump that Redis has lost in part is asked for as if it were new', async () => {
    await using tests = openQueue('verify', 'default', redis);
    await using dumps = openQueue('dump', 'default', redis);
    const verifyId = await enqueueVerify(tests, name, 's3', 'after-upload');
    const jobId = firstJobId('shop', 1);
    await enqueueDump(dumps, 'shop', 'first', { jobId });
    await redis.del(tests.toKey('prioritized'), dumps.toKey('prioritized'));
    await enqueueVerify(tests, name, 's3', 'after-upload');
    await enqueueDump(dumps, 'shop', 'first', { jobId });
    expect(await tests.getJobState(verifyId)).toBe('prioritized');
    expect(await dumps.getJobState(jobId)).toBe('prioritized');
  });

  it('does not keep a dump or restore test waiting that a person asks for, nor do twenty of a schedule', async () => {
    await using dumps = openQueue('dump', 'default', redis);
    await using tests = openQueue('verify', 'default', redis);
    const nameOf = (second: number) => formatBackupName('shop', new Date(Date.UTC(2026, 2, 1, 0, 0, second)));
    for (let i = 0; i < 20; i += 1) {
      await enqueueDump(dumps, `db-${i}`, i % 2 === 0 ? 'first' : 'catch-up', { jobId: `planned-${i}` });
      await enqueueVerify(tests, nameOf(i), 's3', 'after-upload');
    }
    await enqueueDump(dumps, 'shop', 'ad-hoc');
    // One that stands at the end already, and one that is new.
    const wanted = [nameOf(19), nameOf(30)];
    for (const each of wanted) await enqueueVerify(tests, each, 's3', 'ad-hoc');
    await enqueueVerify(tests, nameOf(19), 's3', 'ad-hoc');

    const takeFrom = async (queue: OpenQueue<'dump'> | OpenQueue<'verify'>, count: number) => {
      const taker = new Worker(queue.name, null, {
        connection: redis,
        prefix: queuePrefix('default'),
        autorun: false,
      });
      taker.on('error', () => undefined);
      const taken = await Promise.all(Array.from({ length: count }, () => taker.getNextJob(token)));
      await taker.close(true);
      return taken.map((job) => job?.data);
    };
    expect(await takeFrom(dumps, 2)).toEqual([{ target: 'shop' }, { target: 'db-0' }]);
    expect((await takeFrom(tests, 3)).map((data) => data.name)).toEqual([...wanted, nameOf(0)]);
  });

  it('and a dump with anything but names in it never reaches Redis', async () => {
    await expect(enqueueUpload(uploads, `${name}/../x` as typeof name, 's3')).rejects.toThrow('a backup is named');
    await expect(enqueueUpload(uploads, name, '../s3')).rejects.toThrow('a destination is named');
    await using dumps = openQueue('dump', 'default', redis);
    await expect(enqueueDump(dumps, 'a\0b', 'ad-hoc')).rejects.toThrow('no NUL');
    expect(await uploads.count()).toBe(0);
  });

  it('of one site is not seen at another', async () => {
    await ask();
    await using paris = openQueue('upload', 'paris', redis);
    expect(await paris.count()).toBe(0);
  });
});
