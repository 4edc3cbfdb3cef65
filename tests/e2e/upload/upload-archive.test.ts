import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import type { Manifest } from '@pgstow/shared/contract/manifest.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { describe, expect, it } from 'vitest';
import { BUCKET } from '../stage/settings-of.ts';
import { MIB, PREFIX, makeDump, putsOf, setUploadStage, type UploadStage } from '../stage/upload-stage.ts';

const day = (date: number): Date => new Date(Date.UTC(2026, 0, date));
const manifestKey = ({ name }: Manifest): string => `${PREFIX}${name}.manifest.json`;

describe.skipIf(!hasRedis())('an upload to an archive', () => {
  it.each(['GLACIER', 'DEEP_ARCHIVE'])('puts dumps into %s and no manifest, and is confirmed', async (storageClass) => {
    await using stage = await setUploadStage();
    const large = await makeDump(stage.folder, { bytes: 12 * MIB, takenAt: day(1) });
    const small = await makeDump(stage.folder, { takenAt: day(2) });
    await stage.startWorker({ S3_STORAGE_CLASS: storageClass });

    for (const manifest of [large, small]) {
      await confirmed(stage, manifest);
      await expect(stage.s3.getObject(BUCKET, PREFIX + manifest.name)).rejects.toThrow('storage class');
      const stored = await stage.s3.getObject(BUCKET, manifestKey(manifest));
      expect(JSON.parse(stored.toString())).toEqual(manifest);
    }
  });

  it('recognises what a lifecycle rule has moved there since, manifest and all', async () => {
    await using stage = await setUploadStage();
    const manifest = await makeDump(stage.folder);
    const first = await stage.startWorker();
    await stage.uploaded(manifest);
    await first.stop();
    for (const key of [PREFIX + manifest.name, manifestKey(manifest)]) await archive(stage, key);
    await rm(join(stage.folder, `${manifest.name}.s3.receipt.json`));

    const second = await stage.startWorker();

    await confirmed(stage, manifest);
    await second.waitForLine(/"reconciled"/);
    expect(putsOf(stage, manifest.name)).toHaveLength(1);
    expect(putsOf(stage, `${manifest.name}.manifest.json`)).toHaveLength(1);
  });

  it('says what to do where only its content could tell', async () => {
    await using stage = await setUploadStage();
    const manifest = await makeDump(stage.folder, { bytes: 12 * MIB });
    const first = await stage.startWorker();
    await stage.uploaded(manifest);
    await first.stop();
    // Put in one part, it has another ETag.
    await archive(stage, PREFIX + manifest.name);
    await rm(join(stage.folder, `${manifest.name}.s3.receipt.json`));

    await stage.startWorker();

    const job = await stage.failed(manifest.name);
    expect(job.failedReason).toMatch(/InvalidObjectState[^]*hint: It lies in an archive \(GLACIER\), .*restore-object/);
  });
});

async function confirmed(stage: UploadStage, { name }: Manifest): Promise<void> {
  await eventually(async () => (await stage.receiptOf(name)) ?? null);
}

/** Moves an object into an archive as a lifecycle rule does, with content and metadata unchanged. */
async function archive({ s3 }: UploadStage, Key: string): Promise<void> {
  const Body = await s3.getObject(BUCKET, Key);
  const Metadata = { ...(await s3.headObject(BUCKET, Key))?.metadata };
  const object = { Bucket: BUCKET, Key, Body, Metadata, StorageClass: 'GLACIER' } as const;
  await s3.client.sdk.send(new PutObjectCommand(object));
}
