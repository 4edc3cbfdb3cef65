import { eventually } from '@pgstow/testing/eventually.ts';
import { hasCommand, hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import type { BoundProcess } from '@pgstow/testing/processes/bound-process.ts';
import { descendants, isAlive } from '@pgstow/testing/processes/running-processes.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  COMPRESSOR,
  PG_DUMP,
  childOf,
  holdDump,
  lockLastNoise,
  lockTable,
  noiseTable,
  partialOf,
  setDumpStage,
  type DumpStage,
} from '../stage/dump-stage.ts';
import { expireLocks } from '../stage/faults/expire-locks.ts';
import { startServers, type Servers } from '../stage/start-servers.ts';

describe.skipIf(!hasRedis() || !hasPostgres())('a dump', () => {
  let servers: Servers;
  beforeAll(async () => {
    servers = await startServers({ big: noiseTable(60) });
  });
  afterAll(() => servers[Symbol.asyncDispose]());

  const dumpsUnderWay = async (): Promise<number> =>
    Number(
      await servers.postgres.psql(
        'postgres',
        "SELECT count(*) FROM pg_stat_activity WHERE application_name ~ '^pgstow '",
      ),
    );
  const exactlyOneGoodDump = async (stage: DumpStage): Promise<void> => {
    const dumps = await stage.known();
    expect(dumps).toHaveLength(1);
    expect(dumps[0]?.manifest.tables).toEqual({ 'public.noise': 60_000 });
    const { name } = dumps[0]!.manifest;
    expect(await stage.files()).toEqual([name, `${name}.manifest.json`]);
  };

  describe('whose program dies half-way', () => {
    let stage: DumpStage;
    let worker: BoundProcess;
    const faults = [
      {
        who: 'pg_dump',
        needs: 'sh',
        kill: async (pgDump: number) => void process.kill(pgDump, 'SIGKILL'),
        says: /^pg_dump was ended by SIGKILL for "big"/,
      },
      {
        who: 'the server',
        needs: 'sh',
        kill: async (pgDump: number) => {
          const sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name ~ '^pgstow '";
          expect(await servers.postgres.psql('postgres', sql)).toBe('t');
          process.kill(pgDump, 'SIGCONT');
        },
        says: /^pg_dump exited with code 1 for "big": [^]*server closed the connection|terminating connection/,
      },
      {
        who: 'the compressor',
        needs: 'igzip',
        kill: async (pgDump: number) => {
          process.kill((await childOf(worker, COMPRESSOR)).pid, 'SIGKILL');
          process.kill(pgDump, 'SIGCONT');
        },
        says: /^igzip was ended by SIGKILL$/,
      },
    ];
    beforeAll(async () => {
      stage = await setDumpStage({ ...servers, databases: 'big' });
      worker = await stage.startWorker();
    });
    afterAll(() => stage[Symbol.asyncDispose]());

    for (const { who, needs, kill, says } of faults) {
      test.skipIf(!hasCommand(needs))(`fails and says that it was ${who}, and leaves nothing behind`, async () => {
        const { job, pid } = await holdDump(stage, worker, servers.postgres, 'big');
        await kill(pid);
        expect(await stage.attemptFailed(job)).toMatch(says);
        expect(await stage.files()).toEqual([]);
        expect(descendants(worker.pid)).toEqual([]);
        await eventually(async () => (await dumpsUnderWay()) === 0);
        await (await stage.dumps.getJob(job.id!))?.remove();
      });
    }

    test('is taken at the next attempt', async () => {
      const { job, pid } = await holdDump(stage, worker, servers.postgres, 'big');
      process.kill(pid, 'SIGKILL');
      await stage.attemptFailed(job);
      await stage.retryNow(job);
      const { manifest } = await stage.completed(job);
      expect((await stage.dumps.getJob(job.id!))?.attemptsMade).toBe(2);
      expect(await stage.files()).toEqual([manifest.name, `${manifest.name}.manifest.json`]);
    });
  });

  describe.concurrent('whose worker', () => {
    test('is killed is swept and taken anew by the next one, exactly once', async () => {
      await using stage = await setDumpStage({ ...servers, databases: 'big' });
      const worker = await stage.startWorker();
      const lock = await lockLastNoise(servers.postgres, 'big');
      const job = await stage.enqueue('big');
      const partial = await partialOf(stage.folder, 1_000_000);
      const children = descendants(worker.pid);
      expect(children.map(({ command }) => command)).toContainEqual(expect.stringMatching(PG_DUMP));
      await worker.kill();
      await lock[Symbol.asyncDispose]();

      await eventually(() => !children.some(({ pid }) => isAlive(pid)));
      expect(await stage.files()).toEqual([partial]);

      await expireLocks(servers.redis, stage.site);
      const next = await stage.startWorker();
      await stage.completed(job);
      await exactlyOneGoodDump(stage);
      expect(next.tail).toMatch(/removed what an interrupted dump left behind/);
      expect((await stage.dumps.getJob(job.id!))?.attemptsMade).toBe(1);
    });

    test('is killed while pg_dump waits for a lock leaves neither pg_dump nor its backend waiting', async () => {
      await servers.postgres.createDatabase('locked');
      await servers.postgres.psql('locked', 'CREATE TABLE t (a int)');
      await using _session = await lockTable(servers.postgres, 'locked');
      await using stage = await setDumpStage({ ...servers, databases: 'locked' });
      const worker = await stage.startWorker();
      await stage.enqueue('locked');
      const { pid } = await childOf(worker, PG_DUMP);
      const waiting = `SELECT count(*) FROM pg_stat_activity WHERE datname = 'locked' AND wait_event_type = 'Lock'`;
      // The session that counts the source's rows waits too.
      await eventually(async () => (await servers.postgres.psql('postgres', waiting)) === '2');
      await worker.kill();
      await eventually(async () => (await servers.postgres.psql('postgres', waiting)) === '0');
      expect(isAlive(pid)).toBe(false);
    });

    test('stands still for longer than its lock is left to another one, and the first one notices', async () => {
      await using stage = await setDumpStage({ ...servers, databases: 'big' });
      const first = await stage.startWorker();
      const { job, pid: held } = await holdDump(stage, first, servers.postgres, 'big');
      first.signal('SIGSTOP');
      await expireLocks(servers.redis, stage.site);
      const second = await stage.startWorker();
      await second.waitForLine(/recorded backup_big/);
      const known = await stage.files();
      process.kill(held, 'SIGCONT');
      first.signal('SIGCONT');
      await first.waitForLine(/job attempt failed|"lost"/);
      await stage.completed(job);
      expect(await stage.files()).toEqual(known);
      expect(isAlive(held)).toBe(false);
      await exactlyOneGoodDump(stage);
    });

    test('gets SIGTERM is finished, and then the worker ends', async () => {
      await using stage = await setDumpStage({ ...servers, databases: 'big' });
      const worker = await stage.startWorker();
      const { job, pid } = await holdDump(stage, worker, servers.postgres, 'big');
      const second = await stage.enqueue('big');
      worker.signal('SIGTERM');
      await worker.waitForLine(/"msg":"stopping"/);
      process.kill(pid, 'SIGCONT');
      expect(await worker.waitForExit()).toEqual({ code: 0, signal: null });
      await stage.completed(job);
      await exactlyOneGoodDump(stage);
      expect(await stage.dumps.getJobState(second.id!)).toBe('waiting');
    });

    test('gets SIGTERM and no time to finish goes back to the queue, and another worker takes it', async () => {
      await servers.postgres.createDatabase('migrating');
      await servers.postgres.psql('migrating', 'CREATE TABLE t AS SELECT 1 AS a');
      await using stage = await setDumpStage({ ...servers, databases: 'migrating' });
      const worker = await stage.startWorker({ SHUTDOWN_GRACE: '1' });
      const session = await lockTable(servers.postgres, 'migrating');
      const job = await stage.enqueue('migrating');
      await partialOf(stage.folder, 0);
      const children = [await childOf(worker, PG_DUMP), ...descendants(worker.pid)];
      worker.signal('SIGTERM');
      expect(await worker.waitForExit()).toEqual({ code: 0, signal: null });
      expect(children.filter(({ pid }) => isAlive(pid))).toEqual([]);
      expect(await stage.files()).toEqual([]);
      const now = await stage.dumps.getJob(job.id!);
      expect(await now?.getState()).toMatch(/^(?:delayed|waiting)$/);
      expect(now?.attemptsMade).toBe(0);
      expect(now?.failedReason).toBeUndefined();

      await session[Symbol.asyncDispose]();
      await stage.startWorker();
      await stage.completed(job);
      expect(await stage.files()).toHaveLength(2);
    });
  });
});
