import { eventually } from '@pgstow/testing/eventually.ts';
import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lockTable, setDumpStage } from '../stage/dump-stage.ts';
import { startServers, type Servers } from '../stage/start-servers.ts';

describe.skipIf(!hasRedis() || !hasPostgres())('two dump workers of one site', () => {
  let servers: Servers;
  beforeAll(async () => {
    servers = await startServers({ one: 'CREATE TABLE t AS SELECT 1 AS a', two: 'CREATE TABLE t AS SELECT 1 AS a' });
  });
  afterAll(() => servers[Symbol.asyncDispose]());

  /** The databases whose pg_dump waits for a locked table. */
  const dumped = async (): Promise<readonly string[]> => {
    const rows = await servers.postgres.psql(
      'postgres',
      `SELECT datname FROM pg_stat_activity WHERE application_name ~ '^pgstow ' AND wait_event_type = 'Lock' ORDER BY 1`,
    );
    return rows === '' ? [] : rows.split('\n');
  };

  test('dump one target one after the other, and serve every job', async () => {
    await using stage = await setDumpStage({ ...servers, databases: 'one,two' });
    const workers = [await stage.startWorker(), await stage.startWorker()];
    const session = await lockTable(servers.postgres, 'one');
    const jobs = [await stage.enqueue('one'), await stage.enqueue('one'), await stage.enqueue('one')];
    // Retries at once the jobs that found the lock held.
    const retry = async () => {
      for (const job of await stage.dumps.getDelayed()) await job.promote().catch(() => undefined);
    };
    const samples: (readonly string[])[] = [];
    await eventually(async () => {
      await retry();
      samples.push(await dumped());
      const delays = workers.flatMap(({ lines }) => lines.filter(({ text }) => text.includes('another worker holds')));
      return delays.length >= 3 && samples.at(-1)?.length === 1;
    });
    await session[Symbol.asyncDispose]();
    await eventually(async () => {
      await retry();
      return (await stage.dumps.getCompletedCount()) === jobs.length;
    });
    const names = [];
    for (const job of jobs) names.push((await stage.completed(job)).manifest.name);
    expect(new Set(names).size).toBe(3);
    expect(samples.filter((sample) => sample.length > 1)).toEqual([]);
    expect(samples.at(-1)).toEqual(['one']);
    for (const job of jobs) expect((await stage.dumps.getJob(job.id!))?.attemptsMade).toBe(1);
    expect(await stage.files()).toHaveLength(6);
  });

  test('dump two targets side by side', async () => {
    await using stage = await setDumpStage({ ...servers, databases: 'one,two' });
    await stage.startWorker();
    await stage.startWorker();
    const sessions = [await lockTable(servers.postgres, 'one'), await lockTable(servers.postgres, 'two')];
    const jobs = [await stage.enqueue('one'), await stage.enqueue('two')];
    await eventually(async () => (await dumped()).join() === 'one,two');
    for (const session of sessions) await session[Symbol.asyncDispose]();
    for (const job of jobs) await stage.completed(job);
    expect(await stage.files()).toHaveLength(4);
  });
});
