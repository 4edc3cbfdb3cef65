import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeReceipt, writeRestoreTest } from '@pgstow/catalog/folder/write-record.ts';
import { scheduleId } from '@pgstow/shared/contract/jobs.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import type { RestoreTest, RestoreTestResult } from '@pgstow/shared/contract/restore-test.ts';
import { jobOptions, openQueue, type OpenQueue } from '@pgstow/shared/runtime/jobs/queue.ts';
import type { RedisConnection } from '@pgstow/shared/runtime/redis/redis.ts';
import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { tempFolder, type TempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { startFaultProxy } from '@pgstow/testing/servers/fault-proxy.ts';
import type { RedisServer } from '@pgstow/testing/servers/redis-server.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runCli } from '../stage/processes/run-cli.ts';
import { startConnectedRedis } from '../stage/processes/start-connected-redis.ts';
import { makeDump } from '../stage/upload-stage.ts';

const HOUR_MS = 3_600_000;
const hoursAgo = (hours: number): Date => new Date(Date.now() - hours * HOUR_MS);
const cells = (line: string | undefined): readonly string[] => line?.split(/ {2,}/) ?? [];

describe.skipIf(!hasRedis())('pgstow status', () => {
  const cleanup = new AsyncDisposableStack();
  let server: RedisServer;
  let redis: RedisConnection;
  let queue: OpenQueue<'dump'> & AsyncDisposable;
  let folder: TempFolder;
  const status = (env: Readonly<Record<string, string>> = {}, args: readonly string[] = []) =>
    runCli(['status', ...args], {
      POSTGRES_HOST: 'nowhere',
      POSTGRES_USER: 'backup',
      POSTGRES_DB: 'shop',
      BACKUP_INTERVAL: '86400',
      BACKUP_DIR: folder.path,
      REDIS_URL: server.url,
      ...env,
    });
  const confirm = ({ name, bytes, sha256 }: Manifest, hours: number) =>
    writeReceipt(folder.path, {
      version: 1,
      name,
      destination: 's3',
      bucket: 'mine',
      key: name,
      bytes,
      sha256,
      confirmedBy: 'etag',
      confirmedAt: hoursAgo(hours).toISOString(),
    });
  const test = (
    { name, sha256 }: Manifest,
    result: RestoreTestResult,
    hours: number,
    more: Partial<RestoreTest> = {},
  ) =>
    writeRestoreTest(folder.path, {
      version: 1,
      name,
      destination: 's3',
      sha256,
      result,
      testedAt: hoursAgo(hours).toISOString(),
      durationMs: 1,
      differences: result === 'bad' ? ['public.t has 1 row, not 2'] : [],
      differenceCount: 1,
      notes: [],
      ...more,
    });

  beforeAll(async () => {
    ({ server, redis } = cleanup.use(await startConnectedRedis()));
    queue = cleanup.use(openQueue('dump', 'default', redis));
    const template = { name: 'scheduled', data: { target: 'shop' }, opts: jobOptions.dump };
    // A daily schedule, due within the day.
    await queue.upsertJobScheduler(scheduleId('shop'), { pattern: '0 0 3 * * *', tz: 'UTC' }, template);
  });
  beforeEach(async () => {
    folder = await tempFolder();
  });
  afterEach(() => folder[Symbol.asyncDispose]());
  afterAll(() => cleanup.disposeAsync());

  it('says in a line how the newest rehearsal of an upgrade went, and is healthy all the same', async () => {
    const manifest = await makeDump(folder.path, { takenAt: hoursAgo(3) });
    await confirm(manifest, 2);
    const findings = ['view public.v: column "gone" does not exist (42703)'];
    await test(manifest, 'good', 1, { rehearsal: { major: 18, result: 'differs', findings, findingCount: 1 } });
    const { code, stdout } = await status({ S3_BUCKET: 'mine' });
    expect(code).toBe(0);
    expect(stdout).toMatch(/\nshop: upgrade to PostgreSQL 18: one thing would not survive$/);
  });

  it('has a line for each database and exits 0 if all are healthy', async () => {
    const manifest = await makeDump(folder.path, { takenAt: hoursAgo(3) });
    await confirm(manifest, 2);
    await test(manifest, 'good', 1);
    const { code, stdout, stderr } = await status({ S3_BUCKET: 'mine' });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [heading, line, ...rest] = stdout.split('\n');
    expect(cells(heading)).toEqual(['DATABASE', 'LAST DUMP', 'LAST UPLOAD', 'RESTORE TEST', 'NEXT RUN', 'HEALTH']);
    expect(cells(line)).toEqual([
      'shop',
      '3h ago',
      '2h ago',
      'good, 1h ago',
      expect.stringMatching(/^in \d/),
      'healthy',
    ]);
    expect(rest).toEqual([]);
    expect(line?.length).toBeLessThanOrEqual(80);

    const { stdout: json } = await status({ S3_BUCKET: 'mine' }, ['--json']);
    expect(JSON.parse(json)).toEqual({
      databases: [
        {
          database: 'shop',
          isHealthy: true,
          reasons: [],
          warnings: [],
          nextRunAt: expect.stringMatching(/T03:00:00.000Z$/),
          lastDump: { name: manifest.name, takenAt: manifest.takenAt, bytes: manifest.bytes },
          lastUpload: { name: manifest.name, confirmedAt: expect.any(String) },
          lastRestoreTest: expect.objectContaining({ result: 'good', from: 's3' }),
          lastVerdict: { name: manifest.name, result: 'good', testedAt: expect.any(String) },
        },
      ],
      faults: [],
    });
  });

  it('exits 6 if one is not, and says which and why', async () => {
    await makeDump(folder.path, { takenAt: hoursAgo(100) });
    const { code, stdout, stderr } = await status({ POSTGRES_DB: 'shop,orders' });
    expect({ code, stderr }).toEqual({
      code: 6,
      stderr: expect.stringMatching(/^pgstow: not healthy: shop, orders\nno run of orders is planned/),
    });
    const lines = stdout.split('\n');
    expect(cells(lines[1])).toEqual(['shop', '4d 4h ago', 'local only', 'never', expect.anything(), 'NOT HEALTHY']);
    expect(cells(lines[2])).toEqual(['orders', 'never', 'local only', 'never', '?', 'NOT HEALTHY']);
    expect(lines.slice(3)).toEqual([
      'shop: its newest dump is 4d 4h old, and one every 1d is wanted',
      'orders: it has never been backed up',
    ]);
  });

  it('does so for a bad restore test, and for a dump that never arrived', async () => {
    const manifest = await makeDump(folder.path, { takenAt: hoursAgo(3) });
    expect(await status({ S3_BUCKET: 'mine' })).toMatchObject({
      code: 6,
      stdout: expect.stringMatching(/no dump of it has reached s3/),
    });
    await confirm(manifest, 2);
    expect(await status({ S3_BUCKET: 'mine' })).toMatchObject({ code: 0 });
    await test(manifest, 'bad', 1);
    const { code, stdout } = await status({ S3_BUCKET: 'mine' });
    expect({ code, stdout }).toEqual({
      code: 6,
      stdout: expect.stringMatching(/bad, 1h ago[^]*is bad: public\.t has 1 row/),
    });
  });

  it('does so where restore tests have ceased, or never began', async () => {
    const old = await makeDump(folder.path, { takenAt: hoursAgo(200) });
    const fresh = await makeDump(folder.path, { takenAt: hoursAgo(3) });
    await confirm(old, 199);
    await confirm(fresh, 2);
    const mine = { S3_BUCKET: 'mine' };
    expect(await status(mine)).toMatchObject({
      code: 6,
      stdout: expect.stringContaining('no restore test of it has ever come to a verdict, and one is wanted for 8d 7h'),
    });
    expect(await status({ ...mine, VERIFY_SCHEDULE: 'off' })).toMatchObject({ code: 0 });
    await test(old, 'good', 198);
    await test(fresh, 'could-not-tell', 1);
    const { code, stdout } = await status(mine, ['--json']);
    expect({ code, said: JSON.parse(stdout) }).toMatchObject({
      code: 6,
      said: {
        databases: [
          {
            reasons: [
              expect.stringMatching(/^no restore test of it has come to a verdict for 8d 6h, .* could not tell/),
            ],
            lastRestoreTest: { result: 'could-not-tell' },
            lastVerdict: { name: old.name, result: 'good' },
          },
        ],
      },
    });
    await test(fresh, 'bad', 0);
    expect((await status(mine)).stdout).not.toContain('come to a verdict');
  });

  it('knows from Redis since when a first verdict is awaited, even if the dumps of that time are pruned', async () => {
    await makeDump(folder.path, { takenAt: hoursAgo(3) });
    expect(await status()).toMatchObject({ code: 0 });
    await redis.hset('pgstow:default:wanted-since', 'verdict:shop', hoursAgo(100).getTime());
    try {
      expect(await status()).toMatchObject({ code: 6, stdout: expect.stringContaining('one is wanted for 4d 4h') });
    } finally {
      await redis.del('pgstow:default:wanted-since');
    }
  });

  it('says that a paused queue dumps nothing', async () => {
    await makeDump(folder.path);
    await queue.pause();
    try {
      expect(await status()).toMatchObject({ code: 1, stderr: expect.stringContaining('queue dump is paused') });
    } finally {
      await queue.resume();
    }
  });

  it('shows the rest, soon, if Redis is away or never answers, and exits 1', async () => {
    await makeDump(folder.path, { takenAt: hoursAgo(3) });
    const refused = await status({ REDIS_URL: 'redis://:canary@127.0.0.1:9' });
    expect(refused).toMatchObject({ code: 1, stdout: expect.stringMatching(/3h ago.*\? +healthy$/) });
    expect(refused.stderr).toMatch(/next runs are not known: redis at 127.0.0.1:9 does not answer/);
    expect(refused.stderr).not.toContain('canary');
    await using proxy = await startFaultProxy({ targetPort: server.port, protocol: 'tcp' });
    await proxy.hang();
    const hung = await status({ REDIS_URL: `redis://127.0.0.1:${proxy.port}` });
    expect(hung).toMatchObject({ code: 1, stdout: expect.stringMatching(/3h ago.*\? +healthy$/) });
  });

  it('does not call healthy what it cannot read', async () => {
    await rm(folder.path, { recursive: true });
    const { code, stdout, stderr } = await status();
    expect({ code, stdout, stderr }).toEqual({
      code: 6,
      stdout: expect.stringMatching(/NOT HEALTHY\nshop: its backups are not known$/),
      stderr: expect.stringContaining(`${join(folder.path)} does not exist`),
    });
  });
});
