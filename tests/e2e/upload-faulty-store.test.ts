import { uploadJobId } from '@pgstow/shared/contract/jobs.ts';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { hasRedis } from '@pgstow/testing/capabilities.ts';
import { describe, expect, it } from 'vitest';
import { BUCKET, MIB, makeDump, s3Error, setStage, uploadJob, type UploadStage } from './upload-stage.ts';

describe.skipIf(!hasRedis())('a store that fails for a while', () => {
  it('with 500s, resets and silence gets the dump in the end', { timeout: 120_000 }, async () => {
    await using stage = await setStage();
    const faults = [
      () => stage.proxy.status(500, { body: s3Error('InternalError'), times: 7 }),
      () => stage.proxy.status(503, { body: s3Error('SlowDown'), times: 4, when: ({ method }) => method === 'PUT' }),
      () => stage.proxy.reset({ times: 4 }),
      () => stage.proxy.reset({ afterBytes: MIB, times: 4 }),
      () => stage.proxy.hang({ times: 4 }),
      () => stage.proxy.hang({ times: 4, when: ({ path }) => path.includes('partNumber') }),
    ];
    const worker = await stage.startWorker({ S3_TIMEOUT: '1' });
    await worker.waitForLine(/"reconciled"/);
    for (const [index, setFault] of faults.entries()) {
      await setFault();
      const manifest = await makeDump(stage.folder, {
        bytes: 12 * MIB,
        takenAt: new Date(Date.UTC(2026, 0, 1 + index)),
      });
      await enqueue(stage, manifest, 30);
      await stage.uploaded(manifest, 40_000);
    }
    expect(await stage.s3.listMultipartUploads(BUCKET)).toEqual([]);
  });

  it('for the whole job loses nothing: the next start uploads it', async () => {
    await using stage = await setStage();
    const manifest = await makeDump(stage.folder);
    await stage.proxy.refuse();
    await enqueue(stage, manifest, 2);
    const worker = await stage.startWorker();

    const job = await stage.failed(manifest.name);
    expect(job.attemptsMade).toBe(2);
    expect(job.failedReason).toMatch(/look at s3:\/\/backups\/site\/.*ECONNREFUSED/);
    await worker.stop();
    await stage.proxy.pass();
    await stage.startWorker();

    await stage.uploaded(manifest);
  });

  it('that keeps something else than was sent is found out, and given the dump again', async () => {
    await using stage = await setStage();
    const flip = (chunk: Buffer): Buffer => {
      const changed = Buffer.from(chunk);
      changed[0] = changed[0]! ^ 1;
      return changed;
    };
    const manifest = await makeDump(stage.folder, { bytes: 12 * MIB });
    await stage.proxy.corrupt(flip, { times: 1, when: ({ path }) => path.includes('partNumber=2') });
    await enqueue(stage, manifest, 5);
    const worker = await stage.startWorker();

    await stage.uploaded(manifest);

    expect(worker.tail).toMatch(/the store does not hold what was put/);
    expect(worker.tail).toMatch(/the copy there is damaged/);
  });
});

async function enqueue(stage: UploadStage, { name }: Manifest, attempts: number): Promise<void> {
  const jobId = uploadJobId(name, 's3');
  await stage.queue.add('upload', uploadJob(name), { jobId, attempts, backoff: { type: 'capped', delay: 100 } });
}
