import { writeRestoreTest } from '@pgstow/catalog/folder/write-record.ts';
import type { BackupName } from '@pgstow/shared/contract/backup-name.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import type { RestoreTest } from '@pgstow/shared/contract/restore-test.ts';
import { PermanentError } from '@pgstow/shared/runtime/errors.ts';
import { openQueue, type OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import type { Task } from '@pgstow/shared/runtime/jobs/task.ts';
import { startWorker } from '@pgstow/shared/runtime/jobs/worker.ts';
import { createLog } from '@pgstow/shared/runtime/log/log.ts';
import { connectRedis, type RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { tempFolder, type TempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { startFaultProxy } from '@pgstow/testing/servers/fault-proxy.ts';
import { startRedis, type RedisServer } from '@pgstow/testing/servers/redis-server.ts';
import { startS3, type S3Server } from '@pgstow/testing/servers/s3-server.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { launchCli, outputOf, runCli } from '../stage/processes/run-cli.ts';
import { BUCKET, settingsOf } from '../stage/settings-of.ts';
import { makeDump, PREFIX } from '../stage/upload-stage.ts';

const log = createLog('test', 'fatal', String);

// Here a stand-in for the verify worker takes the jobs and ends them by the contract.
describe.skipIf(!hasRedis())('pgstow verify', () => {
  let server: RedisServer;
  let s3: S3Server;
  let redis: RedisConnection;
  let queue: OpenQueue<'verify'> & AsyncDisposable;
  let folder: TempFolder;
  let older: Manifest;
  let newest: Manifest;
  let env: Readonly<Record<string, string>>;

  const verify = (...args: readonly string[]) => runCli(['verify', ...args], env);
  const recordOf = (name: BackupName, destination: string, more: Partial<RestoreTest>): RestoreTest => ({
    version: 1,
    name,
    destination,
    sha256: newest.sha256,
    result: 'good',
    differences: [],
    differenceCount: 0,
    notes: [],
    testedAt: new Date().toISOString(),
    durationMs: 5,
    ...more,
  });
  /** A worker that ends every job of the queue `verify` in the same way. */
  const work = (end: (name: BackupName, destination: string) => Promise<unknown>) => {
    const handle = async ({ data }: Task<'verify'>): Promise<unknown> =>
      'name' in data ? end(data.name, data.destination) : undefined;
    return startWorker({ queue: 'verify', site: 'default', redis, log, redact: String, graceMs: 0, handle });
  };

  beforeAll(async () => {
    server = await startRedis();
    s3 = await startS3({ buckets: [BUCKET] });
    redis = await connectRedis(server.url, log);
    queue = openQueue('verify', 'default', redis);
    folder = await tempFolder();
    older = await makeDump(folder.path, { takenAt: new Date(Date.now() - 7_200_000) });
    newest = await makeDump(folder.path, { takenAt: new Date(Date.now() - 3_600_000) });
    for (const manifest of [older, newest]) {
      await s3.putObject(BUCKET, PREFIX + manifest.name, 'x'.repeat(manifest.bytes));
      await s3.putObject(BUCKET, `${PREFIX}${manifest.name}.manifest.json`, JSON.stringify(manifest));
    }
    // A newer dump that is not at the store, where `latest` is another one.
    await makeDump(folder.path, { takenAt: new Date(Date.now() - 60_000) });
    env = {
      POSTGRES_HOST: 'nowhere',
      POSTGRES_USER: 'backup',
      ...settingsOf({ databases: 'shop', redis: server, s3, prefix: PREFIX, folder: folder.path }),
    };
  });
  beforeEach(() => queue.obliterate({ force: true }));
  afterAll(async () => {
    await folder[Symbol.asyncDispose]();
    await queue[Symbol.asyncDispose]();
    await redis[Symbol.asyncDispose]();
    await s3[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  it('asks for a test of the newest backup that the destination holds, by its name alone', async () => {
    const id = `verify.${newest.name}.s3`;
    expect(await verify()).toEqual({ code: 0, stdout: `shop: job ${id}`, stderr: '' });
    expect((await queue.getJob(id))?.data).toEqual({ name: newest.name, destination: 's3' });
    expect(await queue.getJobState(id)).toBe('waiting');
  });

  it('asks for one of a backup by name, or of the newest in the folder', async () => {
    expect((await verify(older.name)).stdout).toBe(`shop: job verify.${older.name}.s3`);
    const { stdout } = await verify('latest', '--from', 'local', '--database', 'shop');
    expect(stdout).toMatch(/^shop: job verify\.backup_shop_\d+_\d+\.sql\.gz\.local$/);
    expect(stdout).not.toContain(newest.name);
  });

  it('--wait prints what a good one found and exits 0', async () => {
    const facts = { tables: 3, rows: 1234, restoreMs: 1500, notes: ['2 sequences could not be compared'] };
    await using _worker = work(async (name, destination) => recordOf(name, destination, facts));
    const { code, stdout } = await verify('--wait');
    expect(code).toBe(0);
    expect(stdout).toContain(
      `GOOD  ${newest.name}: 3 tables, 1,234 rows, restored in 1.5s\n  note: 2 sequences could not be compared`,
    );
  });

  it('--wait prints how many checks of a person’s own it ran, and how the rehearsal of an upgrade went', async () => {
    const findings = ['view public.v: column "gone" does not exist (42703)'];
    const rehearsal = { major: 18, result: 'differs', findings, findingCount: 1 } as const;
    await using _worker = work(async (name, destination) => recordOf(name, destination, { checks: 1, rehearsal }));
    const { code, stdout } = await verify('--wait');
    expect(code).toBe(0);
    expect(stdout).toContain(
      `GOOD  ${newest.name}: 1 check of your own
  upgrade to PostgreSQL 18: one thing would not survive
  upgrade to PostgreSQL 18: ${findings[0]}`,
    );
  });

  it('--wait prints the differences of a bad one and exits 4', async () => {
    const record = recordOf(newest.name, 's3', {
      result: 'bad',
      differences: ['public.t has 1 row, not 2'],
      differenceCount: 7,
    });
    await using _worker = work(async () => {
      throw new PermanentError(`BAD: ${newest.name} from s3: 7 things differ`, { facts: record });
    });
    const { code, stdout, stderr } = await verify('--wait');
    expect({ code, stderr }).toEqual({ code: 4, stderr: 'pgstow: the restore test is bad: shop' });
    expect(stdout).toContain(`BAD  ${newest.name}\n  public.t has 1 row, not 2\n  and 6 more differences`);
  });

  it('--wait prints why one is bad, and what to do', async () => {
    const facts = recordOf(newest.name, 's3', { result: 'bad', reason: '7 things differ' });
    const failure = new PermanentError(`BAD: ${newest.name} from s3: 7 things differ`, {
      hint: 'Take a new dump.',
      facts,
    });
    await using _worker = work(() => Promise.reject(failure));
    const { code, stdout } = await verify('--wait');
    expect(code).toBe(4);
    expect(stdout).toContain(`BAD  ${newest.name}\n  7 things differ\n  hint: Take a new dump.`);
  });

  it('--wait says why a test could not tell, by its record or its failure, and exits 5', async () => {
    const untold = { result: 'could-not-tell', reason: 'the disk is full' } as const;
    {
      await using _worker = work(async (name, destination) => recordOf(name, destination, untold));
      const { code, stdout } = await verify('--wait');
      expect({ code, stdout }).toEqual({
        code: 5,
        stdout: expect.stringMatching(/COULD NOT TELL {2}backup_.*\n {2}the disk is full$/),
      });
    }
    const stale = recordOf(newest.name, 's3', { result: 'bad', testedAt: '2026-01-01T00:00:00.000Z' });
    await writeRestoreTest(folder.path, stale);
    await using _worker = work(() =>
      Promise.reject(
        new PermanentError(`COULD NOT TELL whether ${newest.name} from s3 is good: no server of version 9`, {
          facts: recordOf(newest.name, 's3', { result: 'could-not-tell', reason: 'no server of version 9' }),
        }),
      ),
    );
    const { code, stdout } = await verify('--wait');
    expect({ code, stdout }).toEqual({
      code: 5,
      stdout: expect.stringMatching(/COULD NOT TELL {2}backup_.*\n {2}no server of version 9$/),
    });
  });

  it('says that no worker takes the job, and ends with 130 when it is interrupted; the job stays', async () => {
    await using child = await launchCli(['verify', '--wait'], env);
    await child.waitForLine(/restore test waits: no worker is running/);
    child.signal('SIGINT');
    expect(await child.waitForExit()).toMatchObject({ code: 130 });
    expect(outputOf(child, 'stderr')).toBe('pgstow: interrupted');
    expect(await queue.getJobState(`verify.${newest.name}.s3`)).toBe('waiting');
  });

  it.each<[number, readonly string[], RegExp]>([
    [2, ['backup_shop.sql.gz'], /expected latest or a backup's name/],
    [2, ['backup_shop_20260101_000000.sql.gz', '--database', 'orders'], /is a backup of shop, not of orders/],
    [1, ['backup_shop_20260101_000000.sql.gz'], /no backup backup_shop_20260101_000000\.sql\.gz is known at s3/],
  ])('exits %d for %j', async (code, args, stderr) => {
    expect(await verify(...args)).toEqual({ code, stdout: '', stderr: expect.stringMatching(stderr) });
  });

  it('says which database has no backup to test, and tests the others', async () => {
    const { code, stdout, stderr } = await runCli(['verify'], { ...env, POSTGRES_DB: 'shop,orders' });
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: `shop: job verify.${newest.name}.s3`,
      stderr: 'pgstow: no backup of orders is known at s3',
    });
  });

  it('waits for no Redis that takes the connection and says nothing, and can be interrupted meanwhile', async () => {
    await using proxy = await startFaultProxy({ targetPort: server.port, protocol: 'tcp' });
    await proxy.hang();
    const hung = { ...env, REDIS_URL: `redis://127.0.0.1:${proxy.port}` };
    await using child = await launchCli(['verify'], hung);
    await eventually(() => proxy.connectionCount > 0);
    child.signal('SIGINT');
    expect(await child.waitForExit()).toMatchObject({ code: 130 });
    expect(await runCli(['verify'], hung)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/not answer within 10 s/),
    });
  });

  it('fails if Redis is away', async () => {
    const { code, stderr } = await runCli(['verify'], { ...env, REDIS_URL: 'redis://127.0.0.1:9' });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(/redis at 127\.0\.0\.1:9 does not answer/),
    });
  });
});
