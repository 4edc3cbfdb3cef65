import { deleteDump } from '@pgstow/catalog/folder/delete-dump.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasPostgres, hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { startHttpEndpoint } from '@pgstow/testing/servers/http-endpoint.ts';
import { startPostgres } from '@pgstow/testing/servers/postgres-server.ts';
import { startRedis } from '@pgstow/testing/servers/redis-server.ts';
import { expect, test } from 'vitest';
import { setDumpStage } from '../stage/dump-stage.ts';
import { runCli } from '../stage/processes/run-cli.ts';
import { startScheduler, type Scheduler } from '../stage/processes/start-scheduler.ts';
import { makeDump } from '../stage/upload-stage.ts';
import { postedTo } from '../stage/witnesses/posted-to.ts';

const HOUR_MS = 3_600_000;

test.skipIf(!hasRedis() || !hasPostgres())(
  'a database is stale once its schedule has stopped for days, and healthy again by its next backup',
  async () => {
    await using redis = await startRedis();
    await using postgres = await startPostgres();
    await using endpoint = await startHttpEndpoint();
    await postgres.createDatabase('shop');
    await using stage = await setDumpStage({ redis, postgres, databases: 'shop' });
    const env = { ...stage.settings, BACKUP_INTERVAL: '86400', NOTIFY_URLS: `${endpoint.url}/notify` };
    const told = () => postedTo(endpoint);
    const healthOf = async (scheduler: Scheduler) => {
      const answer = await fetch(`${scheduler.base}/healthz`);
      return answer.status;
    };
    const statusOf = async () => (await runCli(['status'], env)).code;

    // The schedule makes the first dump.
    {
      await using scheduler = await startScheduler(env);
      await using worker = await stage.startWorker(env);
      const first = await eventually(async () => (await stage.known())[0] ?? false);
      await eventually(async () => (await healthOf(scheduler)) === 200);
      expect(await statusOf()).toBe(0);
      await worker.stop();
      // As after three days: the only dump is old, and Redis has no plan left.
      await deleteDump(stage.folder, first.manifest.name);
    }
    const old = await makeDump(stage.folder, { takenAt: new Date(Date.now() - 72 * HOUR_MS) });
    {
      await using _worker = await stage.startWorker(env);
      const catalog = () => stage.redis.hget(`pgstow:${stage.site}:catalog`, 'catalog');
      await eventually(async () => (await catalog())?.includes(old.name) === true);
      // The scheduler judges at its start, and then every minute.
      await using scheduler = await startScheduler(env);
      expect(await healthOf(scheduler)).toBe(503);
      expect(await statusOf()).toBe(6);
      await eventually(() => told().length > 0);
      expect(told()).toEqual([expect.objectContaining({ event: 'raised', kind: 'stale', database: 'shop' })]);
      expect(await runCli(['dump', 'shop', '--wait'], env)).toMatchObject({ code: 0 });
      await eventually(async () => (await healthOf(scheduler)) === 200);
      expect(await statusOf()).toBe(0);
      await scheduler.process.stop();
    }
    await using again = await startScheduler(env);
    await eventually(() => told().length > 1);
    await again.process.stop();
    expect(told().slice(1)).toEqual([expect.objectContaining({ event: 'recovered', kind: 'stale', database: 'shop' })]);
  },
);
