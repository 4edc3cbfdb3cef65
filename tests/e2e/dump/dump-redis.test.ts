import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { uploadJobId } from '@pgstow/shared/contract/jobs.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { descendants, isAlive } from '@pgstow/testing/processes/running-processes.ts';
import { startPostgres, type PostgresServer } from '@pgstow/testing/servers/postgres-server.ts';
import { startRedis } from '@pgstow/testing/servers/redis-server.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DESTINATION, PG_DUMP, childOf, holdDump, lockTable, noiseTable, setDumpStage } from '../stage/dump-stage.ts';
import { expireLocks } from '../stage/faults/expire-locks.ts';

describe.skipIf(!hasRedis() || !hasPostgres())('a dump worker', { concurrent: true }, () => {
  let postgres: PostgresServer;
  beforeAll(async () => {
    postgres = await startPostgres();
    await postgres.createDatabase('big');
    await postgres.psql('big', noiseTable(40));
    for (const name of ['away', 'flushed', 'ending', 'rest']) {
      await postgres.createDatabase(name);
      await postgres.psql(name, 'CREATE TABLE t AS SELECT 1 AS a');
    }
  });
  afterAll(async () => {
    await postgres[Symbol.asyncDispose]();
  });

  test('does not start without Redis, and says what to do', async () => {
    await using redis = await startRedis();
    await using stage = await setDumpStage({ redis, postgres, databases: 'rest' });
    await using worker = await stage.launchWorker({ REDIS_URL: 'redis://:canary@127.0.0.1:9' });
    expect((await worker.waitForExit()).code).toBe(1);
    expect(worker.tail).toMatch(/redis at 127\.0\.0\.1:9 does not answer: .*hint: Start Redis or set REDIS_URL\./);
    expect(worker.tail).not.toContain('canary');
  });

  test('finishes its dump when Redis is restarted meanwhile', async () => {
    await using redis = await startRedis({ appendOnly: true });
    await using stage = await setDumpStage({ redis, postgres, databases: 'big' });
    const worker = await stage.startWorker();
    const { job, pid } = await holdDump(stage, worker, postgres, 'big');
    await redis.restart();
    process.kill(pid, 'SIGCONT');
    const { manifest } = await stage.completed(job);
    expect(await stage.files()).toEqual([manifest.name, `${manifest.name}.manifest.json`]);
    expect((await stage.dumps.getJob(job.id!))?.attemptsStarted).toBe(1);
    await stage.dump('big');
  });

  test('gives up a dump when Redis is away for longer than its lock, and takes it once Redis is back', async () => {
    await using redis = await startRedis({ appendOnly: true });
    await using stage = await setDumpStage({ redis, postgres, databases: 'away' });
    const session = await lockTable(postgres, 'away');
    const worker = await stage.startWorker();
    const job = await stage.enqueue('away');
    const { pid } = await childOf(worker, PG_DUMP);
    await redis.stop();
    await eventually(() => !isAlive(pid));
    await eventually(async () => (await readdir(stage.folder)).length === 0);
    expect(worker.exit).toBeUndefined();

    await session[Symbol.asyncDispose]();
    await redis.start();
    await expireLocks(redis, stage.site);
    await stage.completed(job);
    expect(await stage.files()).toHaveLength(2);
    expect(worker.exit).toBeUndefined();
  });

  test('gives up a dump whose job was lost with all of Redis, and takes the next one', async () => {
    await using redis = await startRedis();
    await using stage = await setDumpStage({ redis, postgres, databases: 'flushed' });
    await using session = await lockTable(postgres, 'flushed');
    const worker = await stage.startWorker();
    await stage.enqueue('flushed');
    const { pid } = await childOf(worker, PG_DUMP);
    await redis.flush();
    await eventually(() => !isAlive(pid));
    await eventually(() => descendants(worker.pid).length === 0);
    await eventually(async () => (await stage.files()).length === 0);
    await session[Symbol.asyncDispose]();
    await stage.dump('flushed');
    expect(await stage.files()).toHaveLength(2);
    expect(worker.exit).toBeUndefined();
  });

  test('goes on when Redis is emptied at rest, and asks again for the uploads at its next start', async () => {
    await using redis = await startRedis();
    await using stage = await setDumpStage({ redis, postgres, databases: 'rest' });
    const worker = await stage.startWorker(DESTINATION);
    const { manifest: first } = await stage.dump('rest');
    await redis.flush();
    const { manifest: second } = await stage.dump('rest');
    await worker.stop();
    await redis.flush();
    await stage.startWorker(DESTINATION);
    for (const { name } of [first, second])
      await eventually(async () => (await stage.uploads.getJobState(uploadJobId(name, 's3'))) === 'waiting');
    expect(await stage.files()).toHaveLength(4);
  });

  test('ends on SIGTERM though Redis is away, in the middle of a dump', async () => {
    await using redis = await startRedis({ appendOnly: true });
    await using stage = await setDumpStage({ redis, postgres, databases: 'ending' });
    await using _session = await lockTable(postgres, 'ending');
    const worker = await stage.startWorker({ SHUTDOWN_GRACE: '1' });
    await stage.enqueue('ending');
    const { pid } = await childOf(worker, PG_DUMP);
    await redis.stop();
    worker.signal('SIGTERM');
    expect(await worker.waitForExit()).toEqual({ code: 0, signal: null });
    expect(isAlive(pid)).toBe(false);
    expect(await stage.files()).toEqual([]);
    await redis.start();
  });

  test('ends on SIGTERM though Redis is away, at rest', async () => {
    await using redis = await startRedis();
    await using stage = await setDumpStage({ redis, postgres, databases: 'rest' });
    const worker = await stage.startWorker();
    await redis.stop();
    await worker.waitForLine(/redis connection error/);
    worker.signal('SIGTERM');
    expect(await worker.waitForExit()).toEqual({ code: 0, signal: null });
    await redis.start();
  });

  test('adopts a dump whose worker was killed before its record, though the lock of the dead is still there', async () => {
    await using redis = await startRedis();
    await using stage = await setDumpStage({ redis, postgres, databases: 'rest' });
    const worker = await stage.startWorker();
    const { manifest } = await stage.dump('rest');
    await worker.kill();
    await rm(join(stage.folder, `${manifest.name}.manifest.json`));
    await stage.redis.set(`pgstow:${stage.site}:lock:dump:rest`, 'of-the-dead', 'PX', 12_000);
    await stage.startWorker();
    await eventually(async () => (await stage.known()).length === 1);
    expect((await stage.known())[0]?.manifest).toMatchObject({ origin: 'adopted', sha256: manifest.sha256 });
  });
});
