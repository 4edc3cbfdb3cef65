import { rm, utimes, writeFile, readFile, access } from 'node:fs/promises';
import { join } from 'node:path';
import { CreateMultipartUploadCommand } from '@aws-sdk/client-s3';
import { findDump } from '@pgstow/catalog/folder/read-folder.ts';
import { writeManifest } from '@pgstow/catalog/folder/write-record.ts';
import { eventually } from '@pgstow/testing/eventually.ts';
import { hasRedis } from '@pgstow/testing/machine/capabilities.ts';
import { startProcess } from '@pgstow/testing/processes/worker-process.ts';
import { describe, expect, it, test } from 'vitest';
import { mainOf } from '../stage/processes/start-app.ts';
import { BUCKET } from '../stage/settings-of.ts';
import { PREFIX, makeDump, makeFile, putsOf, setUploadStage, uploadJob } from '../stage/upload-stage.ts';

describe.skipIf(!hasRedis())('the start of an upload worker', () => {
  it('after Redis was emptied uploads what is missing and recognises the rest', async () => {
    await using stage = await setUploadStage();
    const day = (date: number): Date => new Date(Date.UTC(2026, 0, date));
    const kept = await makeDump(stage.folder, { takenAt: day(1) });
    const unrecorded = await makeDump(stage.folder, { takenAt: day(2) });
    const first = await stage.startWorker();
    for (const manifest of [kept, unrecorded]) await stage.uploaded(manifest);
    await first.stop();
    await stage.redis.flush();
    await rm(join(stage.folder, `${unrecorded.name}.s3.receipt.json`));
    const late = await makeDump(stage.folder, { takenAt: day(3) });

    await stage.startWorker();

    for (const manifest of [kept, unrecorded, late]) await stage.uploaded(manifest);
    for (const manifest of [kept, unrecorded, late]) expect(putsOf(stage, manifest.name)).toHaveLength(1);
  });

  it.each([
    ['changed', (content: Buffer) => Buffer.concat([content.subarray(0, -1), Buffer.from('x')])],
    ['truncated', (content: Buffer) => content.subarray(0, 100)],
    ['deleted', () => undefined],
  ])('uploads again what was %s at the store', async (_how, harm) => {
    await using stage = await setUploadStage();
    const manifest = await makeDump(stage.folder);
    const first = await stage.startWorker();
    await stage.uploaded(manifest);
    await first.stop();
    const key = PREFIX + manifest.name;
    const harmed = harm(await stage.s3.getObject(BUCKET, key));
    if (harmed === undefined) await stage.s3.deleteObject(BUCKET, key);
    else await stage.s3.putObject(BUCKET, key, harmed);

    const second = await stage.startWorker();

    await second.waitForLine(/the store no longer has what it confirmed/);
    expect(await eventually(() => stage.uploaded(manifest))).toBeDefined();
  });

  it.each([
    ['was deleted', undefined],
    ['is something else', '{"x":1}'],
  ])('puts a manifest again that %s at the store, and not its dump', async (_how, left) => {
    await using stage = await setUploadStage();
    const manifest = await makeDump(stage.folder);
    const first = await stage.startWorker();
    await stage.uploaded(manifest);
    await first.stop();
    const key = `${PREFIX}${manifest.name}.manifest.json`;
    if (left === undefined) await stage.s3.deleteObject(BUCKET, key);
    else await stage.s3.putObject(BUCKET, key, Buffer.from(left));

    const second = await stage.startWorker();

    await second.waitForLine(/its manifest is gone or another one/);
    await eventually(() => stage.uploaded(manifest));
    const stored = await stage.s3.getObject(BUCKET, key);
    expect(JSON.parse(stored.toString())).toEqual(manifest);
    expect(putsOf(stage, manifest.name)).toHaveLength(1);
  });

  it('keeps a fuller manifest at the store when the dump has lost its own', async () => {
    await using stage = await setUploadStage();
    const manifest = await makeDump(stage.folder);
    const first = await stage.startWorker();
    await stage.uploaded(manifest);
    await first.stop();
    await writeManifest(stage.folder, { ...manifest, origin: 'adopted' });
    await rm(join(stage.folder, `${manifest.name}.s3.receipt.json`));

    const second = await stage.startWorker();
    await eventually(async () => (await stage.receiptOf(manifest.name)) !== undefined);
    await second.stop();
    await stage.startWorker().then((third) => third.waitForLine(/"reconciled"/));

    expect(await stage.receiptOf(manifest.name)).toBeDefined();
    const stored = await stage.s3.getObject(BUCKET, `${PREFIX}${manifest.name}.manifest.json`);
    expect(JSON.parse(stored.toString())).toEqual(manifest);
  });

  it('looks at a few of many objects, has the others listed, and finds the one that was changed', async () => {
    await using stage = await setUploadStage();
    const made = [];
    for (let day = 1; day <= 30; day += 1)
      made.push(await makeDump(stage.folder, { takenAt: new Date(Date.UTC(2026, 0, day)) }));
    const first = await stage.startWorker();
    for (const manifest of made) await stage.uploaded(manifest);
    await first.waitForLine(/"reconciled"/);
    await first.stop();
    const [changed] = made;
    const key = PREFIX + changed!.name;
    const content = await stage.s3.getObject(BUCKET, key);
    await stage.s3.putObject(BUCKET, key, Buffer.concat([content.subarray(0, -1), Buffer.from('x')]));
    const before = stage.proxy.requests.length;

    const second = await stage.startWorker();
    await second.waitForLine(/the store no longer has what it confirmed/);
    await second.waitForLine(/"reconciled"/);

    const looks = stage.proxy.requests.slice(before).filter(({ method }) => method === 'HEAD');
    const looked = new Set(looks.map(({ path }) => path.replace(/(\.manifest\.json)?(\?.*)?$/, '')));
    expect(looked.size).toBe(11);
    await eventually(() => stage.uploaded(changed!));
  });

  it('keeps its receipts while the store is away, and its health', async () => {
    await using stage = await setUploadStage();
    const manifest = await makeDump(stage.folder);
    const first = await stage.startWorker();
    await stage.uploaded(manifest);
    await first.stop();
    await stage.proxy.refuse();

    const second = await stage.startWorker();
    await second.waitForLine(/could not check receipts/);
    await second.waitForLine(/"reconciled"/);

    expect(await stage.receiptOf(manifest.name)).toBeDefined();
    expect(second.exit).toBeUndefined();
  });

  it('drops its own open uploads, and no others', async () => {
    await using stage = await setUploadStage();
    const manifest = await makeDump(stage.folder);
    const foreign = [`${PREFIX}notes.txt`, `${PREFIX}backup_elsewhere_20260101_000000.sql.gz`, 'backup_other.sql.gz'];
    for (const Key of [PREFIX + manifest.name, ...foreign])
      await stage.s3.client.sdk.send(new CreateMultipartUploadCommand({ Bucket: BUCKET, Key }));

    const worker = await stage.startWorker();
    await stage.uploaded(manifest);
    await worker.waitForLine(/"reconciled"/);

    const left = await stage.s3.listMultipartUploads(BUCKET);
    expect(left.map(({ key }) => key).sort()).toEqual(foreign.toSorted());
  });

  it('removes half-written receipts that are old, and no other partial', async () => {
    await using stage = await setUploadStage();
    const { name } = await makeDump(stage.folder);
    const files = {
      old: `${name}.s3.receipt.json.0a1b2c3d.partial`,
      young: `${name}.s3.receipt.json.0a1b2c3e.partial`,
      dump: 'backup_shop_20260101_000000.sql.gz.partial',
    };
    const longAgo = new Date(Date.now() - 120_000);
    for (const file of Object.values(files)) await writeFile(join(stage.folder, file), '');
    for (const file of [files.old, files.dump]) await utimes(join(stage.folder, file), longAgo, longAgo);

    const worker = await stage.startWorker();
    await worker.waitForLine(/"reconciled"/);

    await expect(access(join(stage.folder, files.old))).rejects.toThrow('ENOENT');
    await access(join(stage.folder, files.young));
    await access(join(stage.folder, files.dump));
  });

  it('without a bucket says so, refuses uploads with a hint, and ends in order', async () => {
    await using stage = await setUploadStage();
    const old = await makeDump(stage.folder, { takenAt: new Date('2025-01-01T00:00:00Z') });
    const worker = await stage.startWorker({ S3_BUCKET: '' });
    await worker.waitForLine(/no S3_BUCKET: local backups only/);

    const job = await stage.queue.add('upload', uploadJob(old.name), { attempts: 30 });
    await eventually(() => job.isFailed());
    const reason = (await stage.queue.getJob(job.id!))?.failedReason;
    expect(reason).toMatch(/no destination s3 is configured\nhint: Set S3_BUCKET/);

    expect(worker.exit).toBeUndefined();
    expect(await worker.stop()).toEqual({ code: 0, signal: null });
  });
});

test.skipIf(!hasRedis())(
  'a dump worker adopts a folder full of older files, and an upload worker uploads them, but not a broken one',
  async () => {
    await using stage = await setUploadStage();
    const day = (date: number): Date => new Date(Date.UTC(2025, 0, date));
    const whole = [
      await makeFile(stage.folder, { takenAt: day(1) }),
      await makeFile(stage.folder, { takenAt: day(2) }),
    ];
    const broken = await makeFile(stage.folder, { takenAt: day(3), bytes: 10_000 });
    await writeFile(join(stage.folder, broken.name), broken.file.subarray(0, 5000));

    await stage.startWorker();
    await using worker = await startProcess({
      script: mainOf('dump-worker'),
      env: {
        ...stage.settings,
        POSTGRES_HOST: '127.0.0.1',
        POSTGRES_DB: 'shop',
        POSTGRES_USER: 'backup',
        POSTGRES_PASSWORD: 'unused',
      },
    });
    await worker.waitForLine(/"reconciled"/);

    for (const { name } of whole) {
      const manifest = await eventually(async () => (await findDump(stage.folder, name))?.manifest ?? null);
      expect(manifest.origin).toBe('adopted');
      await stage.uploaded(manifest);
    }
    expect(worker.tail).toContain(broken.name);
    expect(await findDump(stage.folder, broken.name)).toBeUndefined();
    expect((await readFile(join(stage.folder, broken.name))).length).toBe(5000);
    expect((await stage.s3.listObjects(BUCKET)).filter(({ key }) => key.includes(broken.name))).toEqual([]);
  },
);
