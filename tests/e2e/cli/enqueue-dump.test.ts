import { fileURLToPath } from 'node:url';
import { formatBackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { JobData } from '@pgstow/shared/contract/jobs.ts';
import { enqueueUpload, openQueue, queuePrefix, type OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import type { RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import type { BoundProcess } from '@pgstow/testing/processes/bound-process.ts';
import { startProcess } from '@pgstow/testing/processes/worker-process.ts';
import type { RedisServer } from '@pgstow/testing/servers/redis-server.ts';
import { UnrecoverableError, Worker, type Processor } from 'bullmq';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startConnectedRedis } from '../stage/processes/start-connected-redis.ts';

const inRoot = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const COMMANDS = [
  {
    command: 'pnpm enqueue-dump',
    program: 'enqueue-dump',
    script: inRoot('scripts/enqueue-dump.ts'),
    verb: [],
    usage: 1,
  },
  { command: 'pgstow dump', program: 'pgstow', script: inRoot('apps/cli/src/main.ts'), verb: ['dump'], usage: 2 },
] as const;
const NAME = formatBackupName('shop', new Date('2026-11-22T03:00:00Z'));

describe.skipIf(!hasRedis()).each(COMMANDS)('$command', ({ program, script, verb, usage }) => {
  const cleanup = new AsyncDisposableStack();
  let server: RedisServer;
  let redis: RedisConnection;
  let dumps: OpenQueue<'dump'> & AsyncDisposable;
  let uploads: OpenQueue<'upload'> & AsyncDisposable;

  beforeAll(async () => {
    ({ server, redis } = cleanup.use(await startConnectedRedis()));
  });
  beforeEach(async () => {
    await server.flush();
    dumps = openQueue('dump', 'default', redis);
    uploads = openQueue('upload', 'default', redis);
  });
  afterEach(async () => {
    await uploads[Symbol.asyncDispose]();
    await dumps[Symbol.asyncDispose]();
  });
  afterAll(() => cleanup.disposeAsync());

  const enqueue = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    startProcess({
      script,
      args: [...verb, ...args],
      env: {
        POSTGRES_HOST: '127.0.0.1',
        POSTGRES_USER: 'backup',
        POSTGRES_PASSWORD: 'canary-postgres-password',
        POSTGRES_DB: 'shop,"a,b"',
        REDIS_URL: server.url,
        ...env,
      },
    });
  const textOf = (child: BoundProcess) => child.lines.map((line) => line.text);

  /** A stand-in for a worker. */
  function consume<Q extends 'dump' | 'upload'>(queue: Q, handle: Processor<JobData<Q>>): AsyncDisposable {
    const worker = new Worker<JobData<Q>>(queue, handle, {
      connection: { url: server.url, maxRetriesPerRequest: null },
      prefix: queuePrefix('default'),
      settings: { backoffStrategy: () => 1500 },
    });
    worker.on('error', () => undefined);
    return { [Symbol.asyncDispose]: () => worker.close() };
  }

  test('asks for a dump of every configured database and prints the jobs', async () => {
    await using child = await enqueue([]);
    expect(await child.waitForExit()).toEqual({ code: 0, signal: null });
    expect(textOf(child)).toEqual(['shop: job 1', 'a,b: job 2']);
    const jobs = await dumps.getJobs(['waiting']);
    expect(jobs.map((job) => [job.name, job.data.target])).toEqual([
      ['ad-hoc', 'a,b'],
      ['ad-hoc', 'shop'],
    ]);
  });

  test('or of the one that is named', async () => {
    await using child = await enqueue(['a,b']);
    expect(await child.waitForExit()).toEqual({ code: 0, signal: null });
    expect(textOf(child)).toEqual(['a,b: job 1']);
  });

  test.each(['nope', '../../etc/passwd', 'postgresql://evil/x', '__proto__'])('refuses %s', async (database) => {
    await using child = await enqueue([database]);
    expect(await child.waitForExit()).toEqual({ code: usage, signal: null });
    expect(textOf(child)).toEqual([
      `${program}: expected a configured database ("shop", "a,b"), got ${JSON.stringify(database)}`,
    ]);
    expect(await dumps.getJobCountByTypes('waiting')).toBe(0);
  });

  test('says all that is wrong with the configuration', async () => {
    await using child = await enqueue([], { POSTGRES_HOST: '', POSTGRES_PORT: 'x', REDIS_URL: 'http://x' });
    expect(await child.waitForExit()).toEqual({ code: usage, signal: null });
    for (const name of ['POSTGRES_HOST', 'POSTGRES_PORT', 'REDIS_URL']) expect(child.tail).toContain(`- ${name}: `);
  });

  test('says that Redis is away, without its password', async () => {
    await using child = await enqueue([], { REDIS_URL: 'redis://:canary-redis-password@127.0.0.1:9' });
    expect(await child.waitForExit()).toEqual({ code: 1, signal: null });
    expect(textOf(child)).toEqual([
      expect.stringContaining(`${program}: redis at 127.0.0.1:9 does not answer: `),
      'hint: Start Redis or set REDIS_URL.',
    ]);
    expect(child.tail).not.toContain('canary');
  });

  test('--wait follows the dump to its confirmed upload, through a failed attempt', async () => {
    await using _dumper = consume('dump', async (job) => {
      await job.updateProgress(50);
      await enqueueUpload(uploads, NAME, 's3');
      return { name: NAME, bytes: 12_345_678, destinations: ['s3'] };
    });
    await using _uploader = consume('upload', async (job) => {
      if (job.attemptsMade === 0) throw new Error('the store answered 503 SlowDown');
      return undefined;
    });
    await using child = await enqueue(['shop', '--wait']);
    expect(await child.waitForExit()).toEqual({ code: 0, signal: null });
    const lines = textOf(child);
    expect(lines).toContain(
      'shop: upload to s3: attempt 1 of 30 failed, the next follows within 2 s: the store answered 503 SlowDown',
    );
    expect(lines.at(-1)).toBe(`shop: ${NAME}, 12.3 MB, confirmed by s3`);
  });

  test('--wait ends with the dump where there is no destination', async () => {
    await using _dumper = consume('dump', async () => ({ name: NAME, bytes: 900, destinations: [] }));
    await using child = await enqueue(['shop', '--wait']);
    expect(await child.waitForExit()).toEqual({ code: 0, signal: null });
    expect(textOf(child).at(-1)).toBe(`shop: ${NAME}, 900 B, local only: no destination is configured`);
  });

  test('--wait fails with the reason when the dump fails for good, and says how the other went', async () => {
    await using _dumper = consume('dump', async (job) => {
      if (job.data.target === 'shop') throw new UnrecoverableError('pg_dump exited with code 1\nhint: Grant it.');
      return { name: NAME, bytes: 900, destinations: [] };
    });
    await using child = await enqueue(['--wait']);
    expect(await child.waitForExit()).toEqual({ code: 1, signal: null });
    expect(child.tail).toContain(`${program}: shop: dump failed: pg_dump exited with code 1\nhint: Grant it.`);
    expect(child.tail).toContain(`a,b: ${NAME}`);
  });

  test('--wait fails with the reason when the upload fails for good', async () => {
    await using _dumper = consume('dump', async () => {
      await enqueueUpload(uploads, NAME, 's3');
      return { name: NAME, bytes: 900, destinations: ['s3'] };
    });
    await using _uploader = consume('upload', async () => {
      throw new UnrecoverableError('no such bucket');
    });
    await using child = await enqueue(['shop', '--wait']);
    expect(await child.waitForExit()).toEqual({ code: 1, signal: null });
    expect(child.tail).toContain(`${program}: shop: upload to s3 failed: no such bucket`);
  });

  test('Ctrl-C ends the following, not the dump', async () => {
    await using child = await enqueue(['shop', '--wait']);
    await child.waitForLine(/no worker is running/);
    child.signal('SIGINT');
    await child.waitForExit();
    expect(await dumps.getJobState('1')).toBe('waiting');
    await using _dumper = consume('dump', async () => ({ name: NAME, bytes: 900, destinations: [] }));
    await eventually(async () => (await dumps.getJobState('1')) === 'completed');
  });
});
