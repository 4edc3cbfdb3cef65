import { uploadJobId } from '@pgstow/shared/contract/jobs.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { describe, expect, it } from 'vitest';
import { expireLocks } from '../stage/faults/expire-locks.ts';
import { BUCKET } from '../stage/settings-of.ts';
import { MIB, makeDump, setUploadStage, type UploadStage } from '../stage/upload-stage.ts';

describe.skipIf(!hasRedis())('an upload that is cut off', () => {
  it('by SIGKILL is made again after the next start and leaves nothing open', async () => {
    await using stage = await setUploadStage();
    const manifest = await makeDump(stage.folder, { bytes: 20 * MIB });
    await stage.proxy.throttle(2 * MIB);
    const worker = await stage.startWorker();
    await anOpenUpload(stage);

    await worker.kill();
    expect(await stage.s3.listMultipartUploads(BUCKET)).toHaveLength(1);
    expect(await stage.receiptOf(manifest.name)).toBeUndefined();
    await stage.proxy.pass();
    await expireLocks(stage.redis);
    await stage.startWorker();

    await stage.uploaded(manifest);
    expect(await stage.s3.listMultipartUploads(BUCKET)).toEqual([]);
  });

  it('by SIGTERM without grace goes back to the queue, and leaves nothing open', async () => {
    await using stage = await setUploadStage();
    const manifest = await makeDump(stage.folder, { bytes: 20 * MIB });
    await stage.proxy.throttle(2 * MIB);
    const worker = await stage.startWorker({ SHUTDOWN_GRACE: '0' });
    await anOpenUpload(stage);

    expect(await worker.stop()).toEqual({ code: 0, signal: null });

    expect(await stage.s3.listMultipartUploads(BUCKET)).toEqual([]);
    const job = await stage.jobOf(manifest.name);
    expect(await job?.getState()).toBe('delayed');
    expect(job?.attemptsMade).toBe(0);
    await stage.proxy.pass();
    await stage.startWorker();
    await stage.uploaded(manifest);
  });

  it('by SIGTERM with time to finish is finished', async () => {
    await using stage = await setUploadStage();
    const manifest = await makeDump(stage.folder, { bytes: 20 * MIB });
    await stage.proxy.throttle(20 * MIB);
    const worker = await stage.startWorker();
    await anOpenUpload(stage);

    expect(await worker.stop('SIGTERM')).toEqual({ code: 0, signal: null });

    await stage.uploaded(manifest);
    expect(await stage.queue.getJobState(uploadJobId(manifest.name, 's3'))).toBe('completed');
  });
});

async function anOpenUpload(stage: UploadStage): Promise<void> {
  await eventually(async () => (await stage.s3.listMultipartUploads(BUCKET)).length === 1);
}
