import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { uploadJobId } from '@pgstow/shared/contract/jobs.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { describe, expect, it } from 'vitest';
import { BUCKET } from '../stage/settings-of.ts';
import { MIB, PREFIX, makeDump, putsOf, setUploadStage, uploadJob } from '../stage/upload-stage.ts';

describe.skipIf(!hasRedis())('an upload', () => {
  it('copies dump and manifest, has the store confirm them, and says so', async () => {
    await using stage = await setUploadStage();
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

  it('asked for twice leaves one object, put once', async () => {
    await using stage = await setUploadStage();
    const manifest = await makeDump(stage.folder);
    const first = await stage.queue.add('upload', uploadJob(manifest.name));
    const second = await stage.queue.add('upload', uploadJob(manifest.name));
    await stage.startWorker();

    for (const job of [first, second]) await eventually(() => job.isCompleted());

    await stage.uploaded(manifest);
    expect(putsOf(stage, manifest.name)).toHaveLength(1);
  });

  it('recognises what another tool put there, whatever the size of its parts', async () => {
    await using stage = await setUploadStage();
    const small = await makeDump(stage.folder, { bytes: MIB, takenAt: new Date('2026-01-01T00:00:00Z') });
    const large = await makeDump(stage.folder, { bytes: 12 * MIB, takenAt: new Date('2026-01-02T00:00:00Z') });
    for (const { name } of [small, large])
      await stage.s3.putObject(BUCKET, PREFIX + name, await readFile(join(stage.folder, name)));

    await stage.startWorker();

    expect(await stage.uploaded(small)).toMatchObject({ confirmedBy: 'etag' });
    expect(await stage.uploaded(large)).toMatchObject({ confirmedBy: 'read' });
    expect([...putsOf(stage, small.name), ...putsOf(stage, large.name)]).toEqual([]);
  });

  it('reads back what it put if S3_CONFIRM says so', async () => {
    await using stage = await setUploadStage();
    const manifest = await makeDump(stage.folder);
    await stage.startWorker({ S3_CONFIRM: 'read', S3_CHECKSUM: 'sha256' });
    expect(await stage.uploaded(manifest)).toMatchObject({ confirmedBy: 'read' });
  });

  it('never overwrites what is not its own, and says so at once', async () => {
    await using stage = await setUploadStage();
    const manifest = await makeDump(stage.folder);
    await stage.s3.putObject(BUCKET, PREFIX + manifest.name, 'the only copy of something else');
    await stage.startWorker();

    const job = await stage.failed(manifest.name);

    expect(job.failedReason).toMatch(
      /is taken: something else lies there[^]*hint: It is not overwritten\. Move it away/,
    );
    expect(job.attemptsMade).toBe(1);
    const object = await stage.s3.getObject(BUCKET, PREFIX + manifest.name);
    expect(object.toString()).toBe('the only copy of something else');
    expect(await stage.receiptOf(manifest.name)).toBeUndefined();
  });

  it('refuses a dump that changed since it was proven', async () => {
    await using stage = await setUploadStage();
    const manifest = await makeDump(stage.folder, { bytes: MIB });
    const path = join(stage.folder, manifest.name);
    const content = await readFile(path);
    content[1000] = content[1000]! ^ 1;
    await writeFile(path, content);
    await stage.startWorker();

    const job = await stage.failed(manifest.name);

    expect(job.failedReason).toMatch(/changed since it was proven[^]*hint: The file is damaged/);
    expect(await stage.s3.listObjects(BUCKET)).toEqual([]);
  });
});
