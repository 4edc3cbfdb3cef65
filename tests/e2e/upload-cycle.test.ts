import { uploadJobId } from '@pgstow/shared/contract/jobs.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasRedis } from '@pgstow/testing/capabilities.ts';
import { describe, expect, it } from 'vitest';
import { BUCKET, MIB, PREFIX, makeDump, setStage, uploadJob } from './upload-stage.ts';

describe.skipIf(!hasRedis())('an upload', () => {
  it('copies dump and manifest, has the store confirm them, and says so', async () => {
    await using stage = await setStage();
    await stage.startWorker();
    const manifest = await makeDump(stage.folder, { bytes: 20 * MIB });
    const jobId = uploadJobId(manifest.name, 's3');
    await stage.queue.add('upload', uploadJob(manifest.name), { jobId });

    const receipt = await stage.uploaded(manifest);

    expect(receipt).toMatchObject({
      bucket: BUCKET,
      key: PREFIX + manifest.name,
      bytes: manifest.bytes,
      sha256: manifest.sha256,
      confirmedBy: 'etag',
      endpoint: stage.proxy.url,
    });
    const job = await eventually(async () => {
      const job = await stage.jobOf(manifest.name);
      return (await job?.isCompleted()) === true ? job : null;
    });
    expect(job?.returnvalue).toMatchObject({
      bucket: BUCKET,
      key: receipt.key,
      bytes: manifest.bytes,
      confirmedBy: 'etag',
    });
    expect(job?.progress).toBe(100);
    const { logs } = await stage.queue.getJobLogs(jobId);
    expect(logs.join('\n')).toMatch(/nothing lies there[^]*put \d+ bytes[^]*confirmed by etag/);
    expect(await stage.s3.headObject(BUCKET, receipt.key)).toMatchObject({
      metadata: { sha256: manifest.sha256, 'taken-at': manifest.takenAt },
    });
    expect(await stage.s3.listMultipartUploads(BUCKET)).toEqual([]);
  });
});
