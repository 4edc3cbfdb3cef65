import { enqueueDump, openQueue, type OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import type { RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import type { RedisServer } from '@pgstow/testing/servers/redis-server.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failUpload } from '../stage/faults/fail-upload.ts';
import { startConnectedRedis } from '../stage/processes/start-connected-redis.ts';
import {
  BOARD_PASSWORD,
  BOARD_USER,
  POSTGRES_PASSWORD,
  basic,
  launchScheduler,
  startScheduler,
  type Scheduler,
} from '../stage/processes/start-scheduler.ts';

const SCHEDULE = 'dump.shop';

describe.skipIf(!hasRedis())('the board', () => {
  const cleanup = new AsyncDisposableStack();
  let server: RedisServer;
  let redis: RedisConnection;
  let dumps: OpenQueue<'dump'> & AsyncDisposable;
  let uploads: OpenQueue<'upload'> & AsyncDisposable;
  let scheduler: Scheduler;

  beforeAll(async () => {
    ({ server, redis } = cleanup.use(await startConnectedRedis()));
    dumps = cleanup.use(openQueue('dump', 'default', redis));
    uploads = cleanup.use(openQueue('upload', 'default', redis));
    scheduler = await startScheduler({ REDIS_URL: server.url });
  });
  afterAll(async () => {
    await scheduler[Symbol.asyncDispose]();
    await cleanup.disposeAsync();
  });

  const change = (method: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}) =>
    scheduler.request(`/queues/api/queues${path}`, {
      method,
      ...(body === undefined
        ? { headers }
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } }),
    });

  /** An upload job that has failed for good. */
  const failedUpload = (minute: number) => failUpload(uploads, server.url, minute);

  /** After many wrong passwords the answer is another. */
  const refused = ({ headers }: Response) => (headers.has('retry-after') ? 429 : 401);

  describe('lets in', () => {
    test('who knows the password, and sends the rest there', async () => {
      for (const path of ['/queues', '/queues/', '/queues/queue/dump', '/queues/static/css/']) {
        expect([200, 404]).toContain((await scheduler.request(path)).status);
      }
      const listed = (await (await scheduler.request('/queues/api/queues')).json()) as { queues: { name: string }[] };
      expect(listed.queues.map((queue) => queue.name)).toEqual(['dump', 'upload', 'verify']);
    });

    test.each<[string, string | undefined]>([
      ['nobody without one', undefined],
      ['nobody with a wrong one', basic(BOARD_USER, 'wrong')],
      ['nobody with an empty one', basic(BOARD_USER, '')],
      ['nobody under another name', basic('root', BOARD_PASSWORD)],
      ['nobody with another scheme', `Bearer ${BOARD_PASSWORD}`],
    ])('%s', async (_name, authorization) => {
      const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
      const paths = [
        '/',
        '/metrics',
        '/queues',
        '/queues/',
        '/queues/api/queues',
        '/queues/queue/dump',
        '/queues/static/x.js',
      ];
      for (const path of paths) {
        const answer = await fetch(`${scheduler.base}${path}`, { headers });
        expect([path, answer.status]).toEqual([path, refused(answer)]);
        expect(answer.headers.get('www-authenticate')).toContain('Basic realm="pgstow"');
      }
      const put = await fetch(`${scheduler.base}/queues/api/queues/pause`, { method: 'PUT', headers });
      expect(put.status).toBe(refused(put));
      expect(await dumps.isPaused()).toBe(false);
    });

    test('no visitor without BOARD_PASSWORD, except to /healthz and /livez', async () => {
      await using child = await launchScheduler({ REDIS_URL: server.url, BOARD_PASSWORD: '', SITE: 'closed' });
      const line = await child.waitForLine(/the board is closed; set BOARD_PASSWORD/);
      const base = new URL(String(line.json?.['url'])).origin;
      for (const path of ['/', '/metrics', '/queues', '/queues/api/queues', '/queues/static/x.js']) {
        const answer = await fetch(`${base}${path}`);
        expect(answer.status).toBe(503);
        expect(await answer.text()).toBe('The board is closed because BOARD_PASSWORD is not set.\n');
      }
      for (const path of ['/healthz', '/livez']) expect((await fetch(`${base}${path}`)).status).toBe(200);
    });

    test('no visitor if it would listen for other machines without a password', async () => {
      await using child = await launchScheduler({ REDIS_URL: server.url, BOARD_HOST: '0.0.0.0', BOARD_PASSWORD: '' });
      expect(await child.waitForExit()).toEqual({ code: 1, signal: null });
      expect(child.tail).toContain('BOARD_PASSWORD: is required because BOARD_HOST is 0.0.0.0');
    });
  });

  test.each<[string, Record<string, string>]>([
    ['of another site', { 'sec-fetch-site': 'cross-site' }],
    ['of a sister site', { 'sec-fetch-site': 'same-site' }],
    ['of another origin', { origin: 'http://evil.example' }],
    ['of no origin', { origin: 'null' }],
  ])('changes nothing for a page %s, right password or not', async (_name, headers) => {
    const answer = await change('PUT', '/dump/pause', undefined, headers);
    expect(answer.status).toBe(403);
    expect(await dumps.isPaused()).toBe(false);
    expect((await change('POST', '/dump/add', { name: 'x', data: {}, options: {} }, headers)).status).toBe(403);
  });

  test('every answer has the safe headers', async () => {
    for (const path of ['/', '/metrics', '/healthz', '/livez', '/queues', '/nowhere']) {
      const { headers } = await scheduler.request(path);
      expect([path, Object.fromEntries(headers)]).toMatchObject([
        path,
        {
          'x-frame-options': 'DENY',
          'x-content-type-options': 'nosniff',
          'referrer-policy': 'same-origin',
          'cache-control': 'no-store',
          'content-security-policy': expect.stringMatching(
            /^default-src '(?:self|none)'.*frame-ancestors 'none'/,
          ) as string,
        },
      ]);
    }
  });

  describe('refuses', () => {
    test.each<[string, string, string, unknown?]>([
      ['to obliterate a queue', 'PUT', '/dump/obliterate', {}],
      ['to obliterate it by force', 'PUT', '/dump/obliterate', { force: true }],
      ['to empty a queue', 'PUT', '/dump/empty'],
      ['to clean what waits', 'PUT', '/dump/clean/wait'],
      ['to clean what is delayed', 'PUT', '/dump/clean/delayed'],
      ['to clean what failed, which is to be retried', 'PUT', '/dump/clean/failed'],
      ['to run all that was done again', 'PUT', '/dump/retry/completed'],
      ['to remove a schedule', 'PUT', `/dump/job-schedulers/${SCHEDULE}/remove`],
      ['to edit a schedule', 'PATCH', `/dump/job-schedulers/${SCHEDULE}`, { every: 1000 }],
      ['to limit a queue', 'PUT', '/dump/concurrency', { concurrency: 1 }],
      ['to slow a queue', 'PUT', '/dump/rate-limit', { max: 1, duration: 1000 }],
    ])('%s', async (_name, method, path, body) => {
      const before = [await dumps.getJobCounts(), await dumps.getJobSchedulers()];
      const answer = await change(method, path, body);
      expect(answer.status).toBe(403);
      expect(await answer.json()).toMatchObject({ message: 'pgstow does not allow this from the board' });
      expect([await dumps.getJobCounts(), await dumps.getJobSchedulers()]).toEqual(before);
    });

    test('to put a job off or to the back', async () => {
      const job = await enqueueDump(dumps, 'later', 'ad-hoc');
      expect((await change('PATCH', `/dump/${job.id}/delay`, { delay: 1e9 })).status).toBe(403);
      expect((await change('PATCH', `/dump/${job.id}/priority`, { priority: 9 })).status).toBe(403);
      await job.remove();
    });
  });

  describe('lets a person', () => {
    test('retry one failed job', async () => {
      const id = await failedUpload(1);
      expect((await change('PUT', `/upload/${id}/retry`)).status).toBe(204);
      expect(await uploads.getJobState(id)).toBe('waiting');
    });

    test('retry all that failed', async () => {
      const ids = [await failedUpload(2), await failedUpload(3)];
      expect((await change('PUT', '/upload/retry/failed')).status).toBe(200);
      for (const id of ids) await eventually(async () => (await uploads.getJobState(id)) === 'waiting');
    });

    test('promote one delayed job, and all', async () => {
      const [one, two] = [await delayedDump(), await delayedDump()];
      expect((await change('PUT', `/dump/${one}/promote`)).status).toBe(204);
      expect(await dumps.getJobState(one)).toBe('waiting');
      expect((await change('PUT', '/dump/promote')).status).toBe(200);
      await eventually(async () => (await dumps.getJobState(two)) === 'waiting');
    });

    test('pause and resume', async () => {
      expect((await change('PUT', '/dump/pause')).status).toBe(200);
      expect(await dumps.isPaused()).toBe(true);
      const health = await scheduler.request('/healthz');
      expect(health.status).toBe(503);
      expect(await health.json()).toMatchObject({ reasons: ['the queue dump is paused; resume it on the board'] });
      expect((await change('PUT', '/dump/resume')).status).toBe(200);
      expect(await dumps.isPaused()).toBe(false);
      expect((await scheduler.request('/healthz')).status).toBe(200);
    });

    test('run a schedule now, which leaves the schedule as it is', async () => {
      const before = await dumps.getJobScheduler(SCHEDULE);
      expect((await change('PUT', `/dump/job-schedulers/${SCHEDULE}/run`)).status).toBe(200);
      expect(await dumps.getJobScheduler(SCHEDULE)).toEqual(before);
    });

    test('add a job of their own', async () => {
      const answer = await change('POST', '/dump/add', { name: 'ad-hoc', data: { target: 'shop' }, options: {} });
      expect(answer.status).toBe(200);
    });
  });

  test('each change is in the log, with who is let and who is not', async () => {
    await change('PUT', '/dump/empty');
    const line = await scheduler.process.waitForLine(/change from the board refused/);
    expect(line.json).toMatchObject({ queueName: 'dump' });
    await scheduler.process.waitForLine(/change from the board"/);
  });

  test('shows no secret', async () => {
    const paths = [
      '/queues',
      '/queues/api/queues',
      '/queues/api/redis/stats',
      '/queues/api/job-schedulers',
      '/',
      '/metrics',
      '/healthz',
    ];
    for (const path of paths) {
      const text = await (await scheduler.request(path)).text();
      for (const secret of [POSTGRES_PASSWORD, BOARD_PASSWORD]) expect(text).not.toContain(secret);
    }
  });

  async function delayedDump(): Promise<string> {
    const job = await dumps.add('ad-hoc', { target: 'shop' }, { delay: 3_600_000 });
    return job.id ?? '';
  }
});
