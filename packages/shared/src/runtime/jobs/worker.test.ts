import { eventually } from '@pgstow/testing/eventually.ts';
import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { log, reach, redact, startSites, type Sites } from '../../../testing/start-sites.ts';
import { BusyError, describeFault, PermanentError, RetryableError } from '../errors.ts';
import { readJobFailure } from './job-failure.ts';
import { enqueueDump } from './queue.ts';
import type { Task } from './task.ts';
import { startWorker } from './worker.ts';

// Each test has a site of its own, and several wait for a clock: they wait together.
describe.skipIf(!hasRedis()).concurrent('a worker', () => {
  let sites: Sites;

  beforeAll(async () => {
    sites = await startSites();
  });
  afterAll(() => sites[Symbol.asyncDispose]());

  it('hands over the names, why they are wanted and since when, and keeps the result, the notes and the progress', async () => {
    await using site = sites.open();
    const tasks: Task<'dump'>[] = [];
    await using worker = site.start(async (task) => {
      tasks.push(task);
      task.note('the password is geheim');
      task.progress(42);
      return { name: 'x' };
    });
    const job = await enqueueDump(site.queue, 'my db', 'ad-hoc');
    const done = await reach(site.queue, job, 'completed');
    expect(worker).toBeDefined();
    expect(tasks).toHaveLength(1);
    expect(tasks[0]).toMatchObject({ id: job.id, data: { target: 'my db' }, reason: 'ad-hoc', isRepeated: false });
    expect(tasks[0]?.wantedSince.getTime()).toBe(job.timestamp);
    expect(done.returnvalue).toEqual({ name: 'x' });
    await eventually(async () => (await site.queue.getJob(job.id ?? ''))?.progress === 42);
    const { logs } = await site.queue.getJobLogs(job.id ?? '');
    expect(logs).toEqual([expect.stringMatching(/^\d{4}-\S+Z the password is \[redacted\]$/)]);
  });

  it('refuses what is not one of ours, at once and for good, and never runs it', async () => {
    await using site = sites.open();
    let runs = 0;
    await using _worker = site.start(async () => (runs += 1));
    for (const data of [
      { target: 7 },
      { target: 'a', path: '/etc' },
      {},
      null,
      'shop',
      JSON.parse('{"__proto__":{"target":"a"}}'),
    ]) {
      const job = await site.queue.add('ad-hoc', data as { target: string }, { attempts: 5 });
      const failed = await reach(site.queue, job, 'failed');
      expect(failed.failedReason).toMatch(/^the job's data is not one of ours: /);
    }
    expect(runs).toBe(0);
  });

  it('leaves what a newer version wrote to a newer worker, without an attempt used up, for a day', async () => {
    await using site = sites.open();
    let runs = 0;
    await using _worker = site.start(async () => (runs += 1));
    const data = { version: 2, target: 'shop', server: 'main' };
    const job = await site.queue.add('ad-hoc', data, { attempts: 1 });
    const delayed = await reach(site.queue, job, 'delayed');
    expect(delayed).toMatchObject({ attemptsMade: 0, data });
    expect(delayed.delay).toBeGreaterThan(0);
    expect(delayed.delay).toBeLessThanOrEqual(30_000);

    const old = await site.queue.add('ad-hoc', data, { attempts: 6, timestamp: Date.now() - 25 * 3_600_000 });
    const failed = await reach(site.queue, old, 'failed');
    expect(failed.attemptsMade).toBe(1);
    expect(failed.failedReason).toMatch(/^the job's data is of version 2, and no worker .*\nhint: Run all workers/);
    expect(runs).toBe(0);
  });

  it('stops a job at once that a person must mend, with the hint, without the secret; a retry then runs it', async () => {
    await using site = sites.open();
    let isMended = false;
    await using _worker = site.start(async () => {
      if (!isMended)
        throw new PermanentError('no such bucket for geheim', { hint: 'Create it.', facts: { bucket: 'geheim' } });
    });
    const job = await enqueueDump(site.queue, 'shop', 'ad-hoc');
    const failed = await reach(site.queue, job, 'failed');
    expect(failed.failedReason).toBe('no such bucket for [redacted]\nhint: Create it.');
    const facts = { bucket: '[redacted]' };
    expect(await readJobFailure(site.queue, failed)).toEqual({
      reason: 'no such bucket for [redacted]',
      hint: 'Create it.',
      facts,
    });
    expect(failed.attemptsMade).toBe(1);
    expect(JSON.stringify(failed.stacktrace)).not.toContain('geheim');
    isMended = true;
    await failed.retry('failed', { resetAttemptsMade: true });
    await reach(site.queue, job, 'completed');
  });

  it('tries a job again that another attempt may mend, after a delay under the cap, and tells that it is repeated', async () => {
    await using site = sites.open();
    const seen: boolean[] = [];
    await using _worker = site.start(async (task) => {
      seen.push(task.isRepeated);
      throw new RetryableError('away with geheim', { hint: 'Wait.' });
    });
    const add = (delay: number) =>
      site.queue.add('ad-hoc', { target: 'shop' }, { attempts: 3, backoff: { type: 'capped', delay } });
    const far = await add(60_000);
    const delayed = await reach(site.queue, far, 'delayed');
    expect(delayed.attemptsMade).toBe(1);
    expect(delayed.delay).toBeGreaterThan(0);
    expect(delayed.delay).toBeLessThanOrEqual(60_000);
    expect(delayed.failedReason).toBe('away with [redacted]\nhint: Wait.');
    expect(JSON.stringify(delayed.stacktrace)).not.toContain('geheim');
    await delayed.remove();

    seen.length = 0;
    const near = await add(1);
    expect((await reach(site.queue, near, 'failed')).attemptsMade).toBe(3);
    expect(seen).toEqual([false, true, true]);
  });

  it('keeps the newest lines of a job and the newest reasons, however often it is tried', async () => {
    await using site = sites.open();
    let attempts = 0;
    await using _worker = site.start(async (task) => {
      attempts += 1;
      for (let line = 1; line <= 10; line += 1) task.note(`line ${line} of attempt ${attempts}`);
      throw new RetryableError(`attempt ${attempts} failed`);
    });
    const added = await site.queue.add('ad-hoc', { target: 'shop' }, { attempts: 60 });
    const job = await reach(site.queue, added, 'failed');
    expect(job.stacktrace).toHaveLength(50);
    expect(job.stacktrace?.at(-1)).toBe('attempt 60 failed');
    const { logs } = await site.queue.getJobLogs(job.id ?? '');
    expect(logs).toHaveLength(500);
    expect(logs.at(-1)).toMatch(/line 10 of attempt 60$/);
  });

  it('tells once how a job ended: not of an attempt, nor of data that is not ours', async () => {
    await using site = sites.open();
    const told: string[] = [];
    let isBusy = true;
    const worker = startWorker({
      queue: 'dump',
      site: site.site,
      redis: sites.redis,
      log,
      redact,
      graceMs: 10_000,
      handle: async ({ data, reason }) => {
        if (reason === 'busy' && isBusy) {
          isBusy = false;
          throw new BusyError('another worker holds it', 10);
        }
        if (data.target === 'stopped') throw new PermanentError('no geheim', { hint: 'Mend it.' });
        if (data.target === 'tried') throw new RetryableError('away');
        return { name: 'x' };
      },
      onCompleted: ({ id, data, result }) => {
        told.push(`${id} ${data.target} ${JSON.stringify(result)}`);
        throw new Error('nobody listens');
      },
      onFailedForGood: ({ id, data, failure }) => void told.push(`${id} ${data.target} ${describeFault(failure)}`),
    });
    const backoff = { type: 'capped', delay: 1 };
    const add = (jobId: string, target: unknown) =>
      site.queue.add('ad-hoc', { target } as { target: string }, { jobId, attempts: 3, backoff });
    const wanted = [
      [await add('a', 'done'), 'completed'],
      [await add('b', 'stopped'), 'failed'],
      [await add('c', 'tried'), 'failed'],
      [await add('d', 7), 'failed'],
    ] as const;
    for (const [job, state] of wanted) await reach(site.queue, job, state);
    await reach(site.queue, await site.queue.add('busy', { target: 'done' }, { jobId: 'e' }), 'completed');
    await worker[Symbol.asyncDispose]();
    expect(told.sort()).toEqual([
      'a done {"name":"x"}',
      'b stopped no [redacted]\nhint: Mend it.',
      'c tried away',
      'e done {"name":"x"}',
    ]);
  });

  it('lets a job wait that somebody else is at, for as long as told and without an attempt used up', async () => {
    await using site = sites.open();
    let busy = 2;
    await using _worker = site.start(async () => {
      busy -= 1;
      if (busy >= 0) throw new BusyError('another worker holds it', 500);
      return 'done';
    });
    const job = await site.queue.add('ad-hoc', { target: 'shop' }, { attempts: 1 });
    const delayed = await reach(site.queue, job, 'delayed');
    expect(delayed.attemptsMade).toBe(0);
    const done = await reach(site.queue, job, 'completed');
    expect(done.attemptsMade).toBe(1);
    expect(busy).toBe(-1);
  });

  it('that is told to end lets the running job finish, and takes no other', async () => {
    await using site = sites.open();
    const started = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<string>();
    const worker = site.start(() => {
      started.resolve();
      return finish.promise;
    });
    const job = await enqueueDump(site.queue, 'shop', 'ad-hoc');
    await started.promise;
    const waiting = await enqueueDump(site.queue, 'stock', 'ad-hoc');
    const ended = worker[Symbol.asyncDispose]();
    finish.resolve('whole');
    await ended;
    expect(await site.queue.getJobState(job.id ?? '')).toBe('completed');
    expect(await site.queue.getJobState(waiting.id ?? '')).toBe('waiting');
  });

  it('whose time to end is up aborts the job, which goes back to the queue without an attempt used up', async () => {
    await using site = sites.open();
    const started = Promise.withResolvers<void>();
    const worker = site.start((task) => {
      started.resolve();
      return new Promise((_resolve, reject) => {
        task.signal.addEventListener('abort', () => reject(new Error('child was killed')));
      });
    }, 100);
    const job = await site.queue.add('ad-hoc', { target: 'shop' }, { attempts: 1 });
    await started.promise;
    await worker[Symbol.asyncDispose]();
    expect(await site.queue.getJobState(job.id ?? '')).toBe('delayed');
    expect((await site.queue.getJob(job.id ?? ''))?.attemptsMade).toBe(0);
    await using _next = site.start(async () => 'done');
    await reach(site.queue, job, 'completed');
  });

  it('knows when a scheduled run was due, however late it is taken', async () => {
    await using site = sites.open();
    await site.queue.upsertJobScheduler(
      'dump.shop',
      { every: 3_600_000 },
      { name: 'scheduled', data: { target: 'shop' } },
    );
    const since: number[] = [];
    await using _worker = site.start(async (task) => void since.push(task.wantedSince.getTime()));
    const [job] = await eventually(async () => {
      const jobs = await site.queue.getJobs(['completed']);
      return jobs.length > 0 ? jobs : null;
    });
    expect(since).toEqual([Number(/:(\d+)$/.exec(job?.id ?? '')?.[1])]);
  });
});
