import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { tempFolder } from '@pgstow/testing/machine/temp-folder.ts';
import { startProcess } from '@pgstow/testing/processes/worker-process.ts';
import { Worker, type Job } from 'bullmq';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reach, startSites, type Sites } from '../../../testing/start-sites.ts';
import { queuePrefix } from './queue.ts';

// Each test has a site of its own, and they wait together.
describe.skipIf(!hasRedis()).concurrent('the job of a worker that was killed', () => {
  let sites: Sites;

  beforeAll(async () => {
    sites = await startSites();
  });
  afterAll(() => sites[Symbol.asyncDispose]());

  /** Writes a process whose worker says which job it took, hangs, and says which failed for good. */
  async function writeHangingWorker(folder: string, site: string): Promise<string> {
    const script = join(folder, 'killed.ts');
    const here = (file: string) => JSON.stringify(join(import.meta.dirname, file));
    await writeFile(
      script,
      `import { createLog } from ${here('../log/log.ts')};
       import { connectRedis } from ${here('../redis/redis.ts')};
       import { startWorker } from ${here('worker.ts')};
       const log = createLog('killed', 'fatal', String);
       const redis = await connectRedis(${JSON.stringify(sites.server.url)}, log);
       startWorker({ queue: 'dump', site: '${site}', redis, log, redact: String, graceMs: 0, handle: (task) => {
         console.log('took ' + task.data.target);
         return new Promise(() => {});
       }, onFailedForGood: ({ data, failure }) => console.log('told of ' + data.target + ': ' + failure.reason) });`,
    );
    return script;
  }

  it('is taken over by another, which is told that it is repeated', async () => {
    await using site = sites.open();
    await using folder = await tempFolder();
    const script = await writeHangingWorker(folder.path, site.site);
    const job = await site.queue.add('ad-hoc', { target: 'shop' }, { attempts: 1 });
    {
      await using killed = await startProcess({ script });
      await killed.waitForLine(/took shop/);
      await killed.kill();
    }
    const repeated: boolean[] = [];
    await using _worker = site.start(async (task) => void repeated.push(task.isRepeated));
    await eventually(async () => (await site.queue.getJobState(job.id ?? '')) === 'completed');
    expect(repeated).toEqual([true]);
  });

  it.each(['a schedule', 'a person'])(
    'is given up once %s asked for what has killed six of them; that is told, and it runs once more if it is retried',
    async (by) => {
      await using site = sites.open();
      await using folder = await tempFolder();
      const script = await writeHangingWorker(folder.path, site.site);
      const template = { name: 'scheduled', data: { target: 'shop' }, opts: { attempts: 6 } };
      const job =
        by === 'a person'
          ? await site.queue.add('ad-hoc', { target: 'shop' }, { attempts: 6 })
          : await site.queue.upsertJobScheduler('dump.shop', { every: 3_600_000 }, template);
      const id = job?.id ?? '';
      // Notices at once what workers would within half a minute, and takes no job itself.
      await using watch = watchForLost(site.site);
      for (let kills = 1; kills <= 6; kills += 1) {
        await using killed = await startProcess({ script });
        await killed.waitForLine(/took shop/);
        await killed.kill();
        await watch.loses(id, kills);
      }
      await using last = await startProcess({ script });
      const told = await last.waitForLine(/took|told/);
      expect(told.text).toMatch(/^told of shop: its worker ended or stood still 6 times while it ran/);
      const failed = await reach(site.queue, job as Job, 'failed');
      expect(failed.failedReason).toContain('\nhint: See how the worker ended');
      await failed.retry('failed', { resetAttemptsMade: true });
      await last.waitForLine(/took shop/);
    },
  );

  function watchForLost(site: string) {
    const watching = new Worker('dump', null, {
      connection: sites.redis,
      prefix: queuePrefix(site),
      autorun: false,
      stalledInterval: 100,
      maxStalledCount: Number.MAX_SAFE_INTEGER,
    });
    watching.on('error', () => undefined);
    void watching.startStalledCheckTimer();
    const key = (name: string) => `${queuePrefix(site)}:dump:${name}`;
    return {
      /** The lock of a worker that was killed runs out now, and the next look is due. */
      async loses(id: string, times: number) {
        await eventually(async () => {
          await sites.redis.del(key(`${id}:lock`), key('stalled-check'));
          return (await sites.redis.hget(key(id), 'stc')) === String(times);
        });
      },
      [Symbol.asyncDispose]: () => watching.close(true),
    };
  }
});
