import { formatBackupName } from '@pgstow/shared/contract/backup-name.ts';
import { uploadJobId } from '@pgstow/shared/contract/jobs.ts';
import { enqueueUpload, jobOptions, openQueue, queuePrefix } from '@pgstow/shared/runtime/jobs/queue.ts';
import { createLog } from '@pgstow/shared/runtime/log/log.ts';
import { connectRedis } from '@pgstow/shared/runtime/redis/redis.ts';
import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { startRedis } from '@pgstow/testing/servers/redis-server.ts';
import { Worker } from 'bullmq';
import { describe, expect, test } from 'vitest';
import { readJobs } from './read-jobs.ts';

describe.skipIf(!hasRedis())('an upload that failed for good and was asked for anew', () => {
  test('is shown with when it is tried again and how often it was begun in all', async () => {
    await using server = await startRedis();
    await using redis = await connectRedis(server.url, createLog('test', 'fatal', String));
    await using dump = openQueue('dump', 'default', redis);
    await using upload = openQueue('upload', 'default', redis);
    await using verify = openQueue('verify', 'default', redis);
    const read = () => readJobs({ queues: { dump, upload, verify } });
    const worker = new Worker('upload', null, {
      connection: redis,
      prefix: queuePrefix('default'),
      autorun: false,
      settings: { backoffStrategy: () => 600_000 },
    });
    const fail = async (attempts?: number) => {
      const job = await worker.getNextJob('token');
      if (job === undefined) throw new Error('wanted a waiting job, found none');
      if (attempts !== undefined) job.opts.attempts = attempts;
      await job.moveToFailed(new Error('no such bucket\nhint: Create it.'), 'token');
    };

    const name = formatBackupName('shop', new Date('2026-03-01T04:05:06Z'));
    const id = uploadJobId(name, 's3');
    const askedAt = Date.now() - 3 * 3_600_000;
    const options = { ...jobOptions.upload, jobId: id, timestamp: askedAt };
    await upload.add('upload', { name, destination: 's3' }, options);
    await fail(0);
    const shown = { queue: 'upload', id, database: 'shop', reason: 'no such bucket', hint: 'Create it.' };
    expect(await read()).toMatchObject([{ ...shown, state: 'failed', begun: 1 }]);

    await enqueueUpload(upload, name, 's3');
    const before = Date.now();
    await fail();
    const [job, ...others] = await read();
    expect(others).toEqual([]);
    expect(job).toMatchObject({ ...shown, state: 'retried', begun: 2 });
    expect(job?.at?.getTime()).toBeGreaterThanOrEqual(before + 600_000);
    expect(job?.at?.getTime()).toBeLessThanOrEqual(Date.now() + 600_000);
    await worker.close(true);
  });
});
