import { eventually } from '@pgstow/testing/eventually.ts';
import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import type { SeenRequest } from '@pgstow/testing/servers/fault-proxy.ts';
import { describe, expect, it } from 'vitest';
import { BUCKET } from '../stage/settings-of.ts';
import { MIB, PREFIX, makeDump, putsOf, s3Error, setUploadStage, type UploadStage } from '../stage/upload-stage.ts';

const day = (date: number): Date => new Date(Date.UTC(2026, 0, date));

describe.skipIf(!hasRedis())('a key that may no longer read', () => {
  it('refutes no receipt, and hides nothing of what it may read', async () => {
    await using stage = await setUploadStage();
    const hidden = await makeDump(stage.folder, { takenAt: day(1) });
    const gone = await makeDump(stage.folder, { takenAt: day(2) });
    const bare = await makeDump(stage.folder, { takenAt: day(3) });
    const first = await stage.startWorker();
    for (const manifest of [hidden, gone, bare]) await stage.uploaded(manifest);
    await first.stop();
    const receipt = await stage.receiptOf(hidden.name);
    await stage.s3.deleteObject(BUCKET, PREFIX + gone.name);
    await deny(stage, ({ path }) => path.includes(hidden.name) || path.includes(`${bare.name}.manifest.json`));

    const second = await stage.startWorker();
    await second.waitForLine(/2 receipt\(s\) could not be checked, and are kept: .*AccessDenied.*s3:GetObject/);
    await second.waitForLine(/"reconciled"/);

    expect(second.tail).toMatch(/the store no longer has what it confirmed: it is gone/);
    await eventually(() => putsOf(stage, gone.name).length === 2);
    await stage.uploaded(gone);
    expect(await stage.receiptOf(hidden.name)).toEqual(receipt);
    for (const { name } of [hidden, bare]) expect(putsOf(stage, name)).toHaveLength(1);
  });

  it('uploads once, fails at once with the missing right, and is confirmed once it may read', async () => {
    await using stage = await setUploadStage();
    const manifest = await makeDump(stage.folder, { bytes: 12 * MIB });
    await deny(stage, () => true);
    await stage.startWorker();

    const job = await stage.failed(manifest.name);
    expect(job.failedReason).toMatch(/AccessDenied[^]*hint: Allow this access key s3:GetObject/);
    expect(job.attemptsMade).toBe(1);
    expect(await stage.receiptOf(manifest.name)).toBeUndefined();
    const sent = putsOf(stage, manifest.name).length;

    // As every hour, until the key may read.
    await job.retry('failed', { resetAttemptsMade: true });
    await eventually(async () => (await stage.jobOf(manifest.name))?.attemptsStarted === 2);
    expect((await stage.failed(manifest.name)).failedReason).toMatch(/s3:GetObject/);

    await stage.proxy.pass();
    await (await stage.failed(manifest.name)).retry('failed', { resetAttemptsMade: true });
    await stage.uploaded(manifest);
    expect(putsOf(stage, manifest.name)).toHaveLength(sent);
  });

  it('sends a dump once if it may not list either, however often it is requested', async () => {
    await using stage = await setUploadStage();
    const manifest = await makeDump(stage.folder, { bytes: 12 * MIB });
    const isReading = ({ method }: SeenRequest) => method === 'HEAD' || method === 'GET';
    await stage.proxy.status(403, { body: s3Error('AccessDenied'), when: isReading });
    await stage.startWorker();
    const job = await stage.failed(manifest.name);
    expect(job.failedReason).toMatch(/AccessDenied[^]*hint: Allow this access key s3:GetObject/);
    const sent = putsOf(stage, manifest.name).length;
    expect(sent).toBeGreaterThan(0);

    await job.retry('failed', { resetAttemptsMade: true });
    await eventually(async () => (await stage.jobOf(manifest.name))?.attemptsStarted === 2);
    expect((await stage.failed(manifest.name)).failedReason).toMatch(/s3:GetObject/);
    expect(putsOf(stage, manifest.name)).toHaveLength(sent);

    await stage.proxy.pass();
    await (await stage.failed(manifest.name)).retry('failed', { resetAttemptsMade: true });
    await stage.uploaded(manifest);
    expect(putsOf(stage, manifest.name)).toHaveLength(sent);
  });

  it('says so of the manifest alone, too', async () => {
    await using stage = await setUploadStage();
    const manifest = await makeDump(stage.folder);
    await deny(stage, ({ path }) => path.includes('.manifest.json'));
    await stage.startWorker();

    const job = await stage.failed(manifest.name);
    expect(job.failedReason).toMatch(/\.manifest\.json: AccessDenied[^]*hint: Allow this access key s3:GetObject/);
    expect(job.attemptsMade).toBe(1);

    await stage.proxy.pass();
    await job.retry('failed', { resetAttemptsMade: true });
    await stage.uploaded(manifest);
  });
});

/** Denies reading the objects that `isHidden` selects. */
async function deny({ proxy }: UploadStage, isHidden: (request: SeenRequest) => boolean): Promise<void> {
  const isReading = ({ method, path }: SeenRequest) =>
    (method === 'HEAD' || method === 'GET') && path.split('?')[0]?.includes('/backup_') === true;
  await proxy.status(403, { body: s3Error('AccessDenied'), when: (seen) => isReading(seen) && isHidden(seen) });
}
